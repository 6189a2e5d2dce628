"""A sound on disk between two passes: as many blocks as one likes, in constant memory."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from ambientgen.errors import OutputError, Problem

FloatArray = NDArray[np.float32]

READ_SAMPLES = 16_384
"""Samples of each channel that are read at once."""


SAMPLE_BYTES = 4
"""What a sample of one channel takes."""


def check_room(spool_bytes: int, file_bytes: int, folder: str | Path | None = None) -> None:
    """Refuse at once what could only fail after hours.

    spool_bytes: of all spools in `folder` together. file_bytes: what else is to be written there
    while they are. Raises OutputError where the disk has less. One that does not say how much it
    has is believed to have enough.
    """
    place = str(folder or temporary_folder())
    try:
        disk = shutil.disk_usage(place)
    except OSError:
        return
    if not disk.total or spool_bytes + file_bytes <= disk.free:
        return
    needed = f"to set its loudness, the sound is kept there: {_size(spool_bytes)} are needed"
    if file_bytes:
        needed += f", and {_size(file_bytes)} for what is written"
    what = f"{needed}; the disk has {_size(disk.free)} left"
    elsewhere = "write to another disk with -o" if folder else "name a folder elsewhere in TMPDIR"
    raise OutputError(Problem(place, what, f"free some, {elsewhere}, or take out `loudness`"))


def temporary_folder() -> str:
    """The system's folder for files that are soon gone. Raises OutputError where there is none."""
    try:
        return tempfile.gettempdir()
    except OSError as error:
        what = "there is no folder for temporary files that can be written"
        raise OutputError(Problem("TMPDIR", what, "name one in TMPDIR")) from error


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


class Spool:
    """Float32 blocks in a file without a name in `folder` (None: the system's for such files).

    The file is gone when the spool is closed, and when the process ends, whatever way it does. Read
    what was written with `blocks`, as often as needed. Raises OutputError where the disk is full or
    the folder cannot be written.
    """

    def __init__(self, channels: int, folder: str | Path | None = None) -> None:
        self._channels = channels
        self._place = str(folder or temporary_folder())
        self._bytes = 0
        try:
            self._file = tempfile.TemporaryFile(dir=folder, prefix=".ambientgen-")  # noqa: SIM115
        except OSError as error:
            raise self._failed(error) from error

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def samples(self) -> int:
        """Samples of each channel that were written."""
        return self._bytes // (SAMPLE_BYTES * self._channels)

    def write(self, block: FloatArray) -> None:
        """Add (n, channels) behind what is there."""
        data = np.ascontiguousarray(block, np.float32).tobytes()
        try:
            self._file.seek(self._bytes)
            self._file.write(data)
            self._file.flush()  # a full disk is told here, not when it is read
        except OSError as error:
            self.close()
            raise self._failed(error) from error
        self._bytes += len(data)

    def blocks(self) -> Iterator[FloatArray]:
        """What was written, from its start: blocks (n, channels)."""
        step, at = READ_SAMPLES * SAMPLE_BYTES * self._channels, 0
        while at < self._bytes:
            self._file.seek(at)
            data = self._file.read(min(step, self._bytes - at))
            yield np.frombuffer(data, np.float32).reshape(-1, self._channels)
            at += len(data)

    def close(self) -> None:
        """Give the disk back. Closing twice is allowed."""
        with contextlib.suppress(OSError):  # what cannot be written is not wanted any more
            self._file.close()

    def _failed(self, error: OSError) -> OutputError:
        what = f"cannot keep the sound for a second pass: {error.strerror or error}"
        remedy = "make room there (4 bytes a sample and channel), or take out `loudness`"
        return OutputError(Problem(self._place, what, remedy))
