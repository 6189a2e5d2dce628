"""Sinks: a pipe as it is, a file under a `.part` name until it is whole and on the disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ambientgen.audio_file.audio_format import AudioFormat
from ambientgen.audio_file.byte_stream import ByteStream
from ambientgen.audio_file.digest import file_sha256
from ambientgen.audio_file.dither import Dither
from ambientgen.audio_file.encoding import NO_TAGS, Encoding, Shape, Work
from ambientgen.audio_file.part import Part, sync_folder
from ambientgen.audio_file.pcm import Samples, packed, to_pcm
from ambientgen.audio_file.target import Target, errors_named, find_target
from ambientgen.errors import AmbientgenError, OutputError, Problem

_MORE_ROOM = "free some space, or write .flac or to another folder with -o"


@dataclass(frozen=True)
class Companion:
    """A small file that describes the sound: it stands beside it, and never beside another sound.

    `data` None: the one that is there describes what the sound replaces, and only goes. `fresh`:
    there was none in its place when the sound was begun, and none is replaced.
    """

    path: Path
    data: bytes | None
    fresh: bool = False

    def check(self) -> None:
        """Raises OutputError where a file has appeared in its place."""
        if self.fresh and os.path.lexists(self.path):
            remedy = "use --force to replace it, or name another output with -o"
            raise OutputError(Problem(str(self.path), "appeared while rendering", remedy))

    def clear(self) -> None:
        """Delete the one that is there, for good, before what it describes changes."""
        if self.path.exists():
            self.path.unlink()
            sync_folder(self.path.parent)


@dataclass(frozen=True)
class Written:
    """sha256: hex digest of the samples as the encoder was given them, little-endian, channels
    interleaved in the layout's order, without any header: of 16 or 24 bits after dithering, else
    floats of 32 (also to formats that lose some of them). So it is the same for every format of the
    same bits, and for every format that loses some. samples: their number, per channel.

    file_sha256: of the whole finished file, in a format that loses some of its samples, where they
    cannot be compared; None in others, and before the end.
    """

    sha256: str
    samples: int
    file_sha256: str | None = None


class Sink:
    """Takes blocks of sound; made by `open_sink`."""

    def __init__(self, target: Target, stream: ByteStream, encoding: Encoding, work: Work) -> None:
        self._target = target
        self._stream = stream
        self._work = work
        self._dither: Dither | None = None
        if encoding.dither_seed is not None and work.bits != "32f":
            shape = work.shape
            self._dither = Dither(encoding.dither_seed, shape.channels, shape.period)
        self._encoder: AudioFormat | None = None
        with errors_named(target.name):
            self._encoder = target.format(stream, work)
        self._digest = hashlib.sha256()
        self._samples = 0
        self._file_sha256: str | None = None
        self._finished = False
        self.companion: Companion | None = None  # to be put beside a file; set it before the end

    @property
    def result(self) -> Written:
        """What was written so far; after the `with` block, all of it."""
        return Written(self._digest.hexdigest(), self._samples, self._file_sha256)

    def write(self, block: NDArray[np.floating]) -> None:
        """Write the next samples, (n,) for one channel or (n, channels), full scale ±1.

        Raises OutputError where they cannot be written (ReaderGone: the pipe's reader left),
        AmbientgenError for samples past the promised end or numbers that are not finite,
        ValueError for another number of channels.
        """
        shape = self._work.shape
        channels = shape.channels
        if block.shape[1:] != (channels,) and not (channels == 1 and block.ndim == 1):
            raise ValueError(f"a block of shape {block.shape} for {channels} channels")
        total = shape.total_samples
        if total is not None and self._samples + len(block) > total:
            raise self._broken(f"more than the {total} samples that were promised")
        try:
            pcm = self._pcm(block.reshape(len(block), channels))
        except ValueError as error:
            raise self._broken(f"{error}, within {len(block)} from {self._samples} on") from error
        assert self._encoder is not None
        with errors_named(self._target.name):
            self._encoder.write(pcm)
        self._digest.update(packed(pcm))
        self._samples += len(block)

    def finish(self) -> Written:
        """Write the end, with the file's hash in the result; called at the `with` block's end
        unless it was before. Nothing can be written after it.

        Raises AmbientgenError unless all promised samples were written, and what `write` does.
        """
        if self._finished:
            return self.result
        total = self._work.shape.total_samples
        if total is not None and self._samples != total:
            raise self._broken(f"{self._samples} samples instead of the {total} promised")
        assert self._encoder is not None
        with errors_named(self._target.name):
            self._encoder.finish()
            if not self._target.streamed:
                self._stream.sync()
                if self._target.format.lossy:
                    self._file_sha256 = file_sha256(self._stream.path or "")
            self._stream.close()
        self._finished = True
        return self.result

    def abandon(self) -> None:
        """Let go of what is still open."""
        if self._encoder is not None:
            self._encoder.abandon()

    def _pcm(self, block: NDArray[np.floating]) -> Samples:
        """Samples as the encoder takes them, (n, channels)."""
        if self._dither is None:
            return to_pcm(block, self._work.bits)
        noise = self._dither.at(self._work.shape.first_sample + self._samples, len(block))
        return to_pcm(block, self._work.bits, noise)

    def _broken(self, what: str) -> AmbientgenError:
        return AmbientgenError(Problem(self._target.name, what, "please report this"))


@contextlib.contextmanager
def open_sink(
    path: str | Path,
    encoding: Encoding,
    shape: Shape,
    tags: Mapping[str, str] = NO_TAGS,
    force: bool = False,
    keep: contextlib.ExitStack | None = None,
) -> Iterator[Sink]:
    """A sink for sound, as a context manager.

    path: a file, a named pipe or device, or "-" for standard output (whose descriptor is used:
    nothing may be left in `sys.stdout`'s buffer afterwards). Of `shape`, exactly `total_samples`
    must be written. tags: what the file says of itself. force: an existing file is replaced.

    A file grows as `NAME.<process>-<random>.part` beside its final name and takes that name when
    it is whole and on the disk. Any exception, a keyboard interrupt and SystemExit included,
    removes the part and leaves what was there before. Only a killed process leaves its part, which
    the next sink for that name deletes. `keep`: the part stays, as a second name of the file, until
    that stack is closed; if the process is killed before, the file counts as never finished.

    A sink's `companion` is written under a part's name too; then the old companion goes, the sound
    takes its name, the new companion takes its own. So whenever the process is killed, a companion
    that is there describes the sound that is there.

    The same samples give the same bytes: files hold nothing of when or where. A loop in Opus is
    kept in a nameless file in the same folder until its end is known.

    Raises what `check_target` does, and OutputError where the disk has too little room for a
    WAV file of known length, is full or fails, or where a file appeared under the name meanwhile
    and `force` is not set; inside the block see `Sink.write`.
    """
    target = find_target(path, force, encoding, shape)
    work = Work(shape, "32f" if target.format.lossy else encoding.bits, tags)
    if target.streamed:
        with errors_named(target.name):
            stream = _open_stream(target)
        with _written(target, stream, encoding, work) as sink:
            yield sink
        return
    assert target.path is not None
    with errors_named(target.name):
        _check_room(target.path, target, work)
        part = Part(target.path)
    try:
        stream = ByteStream(part.descriptor, str(part.path), seekable=True)
        with _written(target, stream, encoding, work) as sink:
            yield sink
        with errors_named(target.name):
            _commit(part, sink.companion, force)
    except BaseException:
        part.discard()
        raise
    if keep is None:
        part.discard()
    else:
        keep.callback(part.discard)


@contextlib.contextmanager
def _written(target: Target, stream: ByteStream, encoding: Encoding, work: Work) -> Iterator[Sink]:
    """A sink on an open stream; finished, synced and closed, or closed as it stands."""
    sink: Sink | None = None
    try:
        sink = Sink(target, stream, encoding, work)
        yield sink
        sink.finish()
    finally:
        if sink is not None:
            sink.abandon()
        stream.abandon()


def _open_stream(target: Target) -> ByteStream:
    """Standard output's descriptor, copied, or a pipe's or device's own."""
    if target.path is None:
        sys.stdout.flush()
        return ByteStream(os.dup(sys.stdout.fileno()), None, seekable=False)
    return ByteStream(os.open(target.path, os.O_WRONLY), str(target.path), seekable=False)


def file_bytes(path: str | Path, encoding: Encoding, shape: Shape) -> int:
    """What a file will take but for its tags; 0 where that cannot be known beforehand.

    Raises what `check_target` does.
    """
    target = find_target(path, True, encoding, shape)
    work = Work(shape, "32f" if target.format.lossy else encoding.bits)
    return 0 if target.streamed else target.format.file_bytes(work) or 0


def check_room_for(files: Iterable[str | Path], encoding: Encoding, shape: Shape) -> None:
    """Refuse at once files of one shape that a disk does not hold together, though each alone.

    Raises OutputError, and what `check_target` does.
    """
    by_disk: dict[int, list[tuple[str | Path, int]]] = {}
    for file in files:
        if needed := file_bytes(file, encoding, shape):
            disk = os.stat(Path(os.path.realpath(file)).parent).st_dev
            by_disk.setdefault(disk, []).append((file, needed))
    for of_disk in by_disk.values():
        file, needed = of_disk[0][0], sum(needed for _, needed in of_disk)
        free = _free(Path(os.path.realpath(file)).parent)
        if free is not None and needed > free:
            what = f"{len(of_disk)} files together need {needed / 1e6:.1f} MB"
            what += f", the disk has {free / 1e6:.1f} MB left"
            raise OutputError(Problem(os.fspath(file), what, _MORE_ROOM))


def _check_room(path: Path, target: Target, work: Work) -> None:
    """Refuse at once what could only fail after hours."""
    needed = target.format.file_bytes(work)
    free = _free(path.parent)
    if needed is not None and free is not None and needed > free:
        what = f"the file needs {needed / 1e6:.1f} MB, the disk has {free / 1e6:.1f} MB left"
        raise OutputError(Problem(target.name, what, _MORE_ROOM))


def _free(folder: Path) -> int | None:
    """Bytes left on a folder's disk; None: some network file systems do not say."""
    disk = shutil.disk_usage(folder)
    return disk.free if disk.total else None


def _commit(part: Part, companion: Companion | None, force: bool) -> None:
    """Give the sound its name, and its companion the place beside it.

    Without `force` a companion that is there already is of this very render, or of another process
    that was faster, whose sound then stops this one: it is not deleted before.
    """
    if companion is None:
        part.take_name(force)
        return
    if not force:
        companion.check()
    beside = _written_part(companion)
    try:
        if force:
            companion.clear()
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
