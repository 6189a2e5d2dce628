"""Sinks: a pipe as it is, a file under a `.part` name until it is whole and on the disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ambientgen.audio_file.byte_stream import ByteStream
from ambientgen.audio_file.formats import AudioFormat, Encoding, Shape
from ambientgen.audio_file.part import Part, sync_folder
from ambientgen.audio_file.pcm import to_int16
from ambientgen.audio_file.target import Target, errors_named, find_target
from ambientgen.errors import AmbientgenError, OutputError, Problem

NO_TAGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Companion:
    """A small file that describes the sound: it stands beside it, and never beside another sound.

    `data` None: the one that is there describes what the sound replaces, and only goes.
    """

    path: Path
    data: bytes | None


@dataclass(frozen=True)
class Written:
    """sha256: hex digest of the 16-bit samples as written, little-endian, channels interleaved,
    without any header: the same for every format. samples: their number, per channel."""

    sha256: str
    samples: int


class Sink:
    """Takes blocks of sound; made by `open_sink`."""

    def __init__(self, target: Target, encoder: AudioFormat, shape: Shape) -> None:
        self._target = target
        self._encoder = encoder
        self._shape = shape
        self._digest = hashlib.sha256()
        self._samples = 0
        self.companion: Companion | None = None  # to be put beside a file; set it before the end

    @property
    def result(self) -> Written:
        """What was written so far; after the `with` block, all of it."""
        return Written(self._digest.hexdigest(), self._samples)

    def write(self, block: NDArray[np.floating]) -> None:
        """Write the next samples, (n,) for one channel or (n, channels), full scale ±1.

        Raises OutputError where they cannot be written (ReaderGone: the pipe's reader left),
        AmbientgenError for samples past the promised end or numbers that are not finite,
        ValueError for another number of channels.
        """
        channels = self._shape.channels
        if block.shape[1:] != (channels,) and not (channels == 1 and block.ndim == 1):
            raise ValueError(f"a block of shape {block.shape} for {channels} channels")
        total = self._shape.total_samples
        if total is not None and self._samples + len(block) > total:
            raise self._broken(f"more than the {total} samples that were promised")
        try:
            pcm = to_int16(block).reshape(len(block), channels)
        except ValueError as error:
            raise self._broken(f"{error}, within {len(block)} from {self._samples} on") from error
        with errors_named(self._target.name):
            self._encoder.write(pcm)
        self._digest.update(pcm.tobytes())
        self._samples += len(block)

    def check_whole(self) -> None:
        """Raises AmbientgenError unless all promised samples were written."""
        total = self._shape.total_samples
        if total is not None and self._samples != total:
            raise self._broken(f"{self._samples} samples instead of the {total} promised")

    def _broken(self, what: str) -> AmbientgenError:
        return AmbientgenError(Problem(self._target.name, what, "please report this"))


@contextlib.contextmanager
def open_sink(
    path: str | Path,
    encoding: Encoding,
    shape: Shape,
    tags: Mapping[str, str] = NO_TAGS,
    force: bool = False,
) -> Iterator[Sink]:
    """A sink for sound, as a context manager.

    path: a file, a named pipe or device, or "-" for standard output (whose descriptor is used:
    nothing may be left in `sys.stdout`'s buffer afterwards). Of `shape`, exactly `total_samples`
    must be written. tags: what the file says of itself. force: an existing file is replaced.

    A file grows as `NAME.<process>-<random>.part` beside its final name and takes that name when
    it is whole and on the disk. Any exception, a keyboard interrupt and SystemExit included,
    removes the part and leaves what was there before. Only a killed process leaves its part, which
    the next sink for that name deletes.

    A sink's `companion` is written under a part's name too; then the old companion goes, the sound
    takes its name, the new companion takes its own. So whenever the process is killed, a companion
    that is there describes the sound that is there.

    Raises what `check_target` does, and OutputError where the disk has too little room for a
    WAV file of known length, is full or fails, or where a file appeared under the name meanwhile
    and `force` is not set; inside the block see `Sink.write`.
    """
    target = find_target(path, force, encoding, shape)
    if target.streamed:
        with errors_named(target.name):
            stream = _open_stream(target)
        with _written(target, shape, stream) as sink:
            yield sink
        return
    assert target.path is not None
    with errors_named(target.name):
        _check_room(target.path, target, shape)
        part = Part(target.path)
    try:
        stream = ByteStream(part.descriptor, str(part.path), seekable=True)
        with _written(target, shape, stream) as sink:
            yield sink
        with errors_named(target.name):
            _commit(part, sink.companion, force)
    finally:
        part.discard()


@contextlib.contextmanager
def _written(target: Target, shape: Shape, stream: ByteStream) -> Iterator[Sink]:
    """A sink on an open stream; finished, synced and closed, or closed as it stands."""
    encoder: AudioFormat | None = None
    try:
        with errors_named(target.name):
            encoder = target.format(stream, shape)
        sink = Sink(target, encoder, shape)
        yield sink
        sink.check_whole()
        with errors_named(target.name):
            encoder.finish()
            if not target.streamed:
                stream.sync()
            stream.close()
    finally:
        if encoder is not None:
            encoder.abandon()
        stream.abandon()


def _open_stream(target: Target) -> ByteStream:
    """Standard output's descriptor, copied, or a pipe's or device's own."""
    if target.path is None:
        sys.stdout.flush()
        return ByteStream(os.dup(sys.stdout.fileno()), None, seekable=False)
    return ByteStream(os.open(target.path, os.O_WRONLY), str(target.path), seekable=False)


def _check_room(path: Path, target: Target, shape: Shape) -> None:
    """Refuse at once what could only fail after hours."""
    needed = target.format.file_bytes(shape)
    disk = shutil.disk_usage(path.parent)
    # Some network file systems do not say how large they are.
    if needed is not None and disk.total and needed > disk.free:
        what = f"the file needs {needed / 1e6:.1f} MB, the disk has {disk.free / 1e6:.1f} MB left"
        remedy = "free some space, or write .flac or to another folder with -o"
        raise OutputError(Problem(target.name, what, remedy))


def _commit(part: Part, companion: Companion | None, force: bool) -> None:
    """Give the sound its name, and its companion the place beside it.

    Without `force` a companion that is there already is of this very render, or of another process
    that was faster, whose sound then stops this one: it is not deleted before.
    """
    if companion is None:
        part.take_name(force)
        return
    beside = _written_part(companion)
    try:
        if force and companion.path.exists():
            companion.path.unlink()
            sync_folder(companion.path.parent)
        part.take_name(force)
        if beside is not None:
            beside.take_name(force=True)
        elif companion.path.exists():
            companion.path.unlink()
    finally:
        if beside is not None:
            beside.discard()


def _written_part(companion: Companion) -> Part | None:
    if companion.data is None:
        return None
    part = Part(companion.path)
    stream = ByteStream(part.descriptor, str(part.path), seekable=True)
    try:
        stream.write(companion.data)
        stream.sync()
        stream.close()
    except BaseException:
        stream.abandon()
        part.discard()
        raise
    return part
