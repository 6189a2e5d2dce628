"""Hashes of sound files: of their samples, the same that a sink tells when it wrote them."""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ambientgen.audio_file.opened import opened
from ambientgen.audio_file.pcm import packed
from ambientgen.errors import MismatchError, Problem, UsageError

_BLOCK_SAMPLES = 1 << 18
_BLOCK_BYTES = 1 << 20
_READ_AS = {"PCM_16": "int16", "PCM_24": "int32", "FLOAT": "float32"}


def pcm_sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256, in hex, of a file's samples as they are in it, channels interleaved, little-endian.

    That is `Written.sha256` of a format that keeps its samples. Of one that does not, the samples
    are not those that were written: compare `file_sha256`.

    Raises:
        UsageError: there is no such file, or it may not be read.
        MismatchError: it holds no sound that can be read to its end, or not as it was written.
    """
    name = _existing(path)
    digest = hashlib.sha256()
    with _sound(name) as file:
        if file.subtype not in _READ_AS:
            what = f"its samples are not kept as they were ({file.subtype.lower()})"
            raise MismatchError(Problem(name, what, "compare the whole file's hash"))
        kind, shift = _READ_AS[file.subtype], 8 * (file.subtype == "PCM_24")
        while len(block := file.read(_BLOCK_SAMPLES, dtype=kind, always_2d=True)):
            digest.update(packed(block >> shift if shift else block))
    return digest.hexdigest()


def rate_and_channels(path: str | os.PathLike[str]) -> tuple[int, int]:
    """A file's sample rate in Hz, and its channels: of the same samples, in the same order, other
    ones make another sound, and `pcm_sha256` does not know them.

    Raises UsageError and MismatchError as that does.
    """
    with _sound(_existing(path)) as file:
        return int(file.samplerate), int(file.channels)


def file_sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256, in hex, of all of a file's bytes.

    Raises UsageError: there is no such file, or it may not be read; OSError.
    """
    digest = hashlib.sha256()
    with open(_existing(path), "rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def keeps_samples(path: str | os.PathLike[str]) -> bool:
    """Whether `pcm_sha256` can tell what was written, going by the suffix."""
    from ambientgen.audio_file.formats import FORMATS

    suffix = os.path.splitext(os.fspath(path))[1].lower()
    return not any(kind.lossy for kind in FORMATS.values() if kind.suffix == suffix)


@contextmanager
def _sound(name: str) -> Iterator[Any]:
    """A file as a `soundfile.SoundFile`; what is wrong with it is a MismatchError."""
    soundfile: Any = importlib.import_module("soundfile")
    try:
        with opened(name) as file:
            yield file
    except (soundfile.SoundFileError, OSError) as error:
        said = " ".join(str(error).split()).rstrip(".")
        what = f"is damaged, or no sound file ({said})"
        raise MismatchError(Problem(name, what, "render it again")) from error


def _existing(path: str | os.PathLike[str]) -> str:
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise UsageError(Problem(name, "there is no such file", "name a rendered sound file"))
    try:
        with open(name, "rb") as file:
            file.read(1)  # the system says better than the library why it cannot be read
    except OSError as error:
        what = f"cannot be read ({(error.strerror or str(error)).lower()})"
        raise UsageError(Problem(name, what, "let it be read")) from error
    return name
