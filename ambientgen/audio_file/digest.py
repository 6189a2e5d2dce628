"""The hash of a sound file's samples: the same that a sink tells when it wrote them."""

from __future__ import annotations

import hashlib
import importlib
import os
from typing import Any

from ambientgen.errors import MismatchError, Problem, UsageError

_BLOCK_SAMPLES = 1 << 18


def pcm_sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256, in hex, of a file's samples as 16-bit little-endian integers, channels interleaved.

    Raises:
        UsageError: there is no such file.
        MismatchError: it holds no sound that can be read to its end.
    """
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise UsageError(Problem(name, "there is no such file", "name a rendered sound file"))
    soundfile: Any = importlib.import_module("soundfile")
    digest = hashlib.sha256()
    try:
        with soundfile.SoundFile(name) as file:
            while len(block := file.read(_BLOCK_SAMPLES, dtype="int16", always_2d=True)):
                digest.update(block.astype("<i2").tobytes())
    except (soundfile.SoundFileError, OSError) as error:
        said = " ".join(str(error).split()).rstrip(".")
        what = f"is damaged, or no sound file ({said})"
        raise MismatchError(Problem(name, what, "render it again")) from error
    return digest.hexdigest()
