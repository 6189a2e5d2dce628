"""A file descriptor that writes all it is given, at once: no buffer that fails later."""

from __future__ import annotations

import contextlib
import os
import select


class ByteStream:
    """Bytes out through a descriptor of ours, closed by `close`.

    path: where the bytes go, or None for standard output. seekable: the start can be rewritten.
    Errors are the system's: OSError, BrokenPipeError where the reader has gone.
    """

    def __init__(self, descriptor: int, path: str | None, seekable: bool) -> None:
        self.descriptor = descriptor
        self.path = path
        self.seekable = seekable
        self._open = True

    def write(self, data: bytes | memoryview) -> None:
        """Write all of `data`; waits where a pipe that must not block is full."""
        left = memoryview(data).cast("B")
        while left:
            try:
                left = left[os.write(self.descriptor, left) :]
            except BlockingIOError:
                select.select([], [self.descriptor], [])

    def rewrite_start(self, data: bytes) -> None:
        """Replace the first bytes of a seekable stream, then return to its end."""
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        self.write(data)
        os.lseek(self.descriptor, 0, os.SEEK_END)

    def sync(self) -> None:
        """Wait until the bytes are on the disk."""
        os.fsync(self.descriptor)

    def close(self) -> None:
        """Close the descriptor; closing again does nothing."""
        if self._open:
            self._open = False
            os.close(self.descriptor)

    def abandon(self) -> None:
        """Close whatever state the stream is in."""
        with contextlib.suppress(OSError):
            self.close()
