"""Parts: files under names of their own until they are whole, and what dead processes left.

A part is locked as long as its process lives and it has not got its name. The lock ends with the
process however that dies, in whichever container it ran; process numbers would tell neither.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ambientgen.errors import OutputError, Problem

try:
    import fcntl as _fcntl
except ImportError:  # Windows, where no file is deleted while it is open: that is a lock, too
    _fcntl = None  # type: ignore[assignment]

_locks: Any = _fcntl
_EXTRA_BYTES = 40  # what ".{process id}-{random}.part" may take of a name's 255 bytes
LONGEST_NAME_BYTES = 255  # of every common file system


class Part:
    """A new, empty file beside `path`, locked; `descriptor` reads and writes it.

    Whoever makes it closes the descriptor, then calls `take_name` or `discard`. Parts of the same
    name whose processes are dead are deleted first. Raises OSError where no file can be made.
    """

    def __init__(self, path: Path) -> None:
        delete_abandoned(path)
        self._target, self._named = path, False
        while True:
            self.path = path.with_name(f"{_stem(path)}.{os.getpid()}-{secrets.token_hex(4)}.part")
            self.descriptor = os.open(self.path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
            self._lock = _locked(self.descriptor)
            # Another process may have found it abandoned before it was locked.
            if self.path.exists():
                return
            os.close(self.descriptor)
            self._unlock()

    def take_name(self, force: bool) -> None:
        """Give the whole file its name, in one step that survives a power cut.

        A new one has its part's name as well, and counts as abandoned until that is discarded.

        Raises OSError, and OutputError for a file that appeared under the name meanwhile, unless
        `force` is set.
        """
        if force:
            self.path.replace(self._target)
        else:
            _rename_new(self.path, self._target)
        sync_folder(self._target.parent)
        self._named = True

    def discard(self) -> None:
        """Delete the part if it is still there, and let go of its lock. What has its name is
        finished from here on, after a power cut too."""
        with contextlib.suppress(OSError):
            self.path.unlink()
            if self._named:
                sync_folder(self._target.parent)
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            with contextlib.suppress(OSError):
                os.close(self._lock)
            self._lock = None


_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0)  # Windows would otherwise translate line ends


def delete_abandoned(path: Path) -> None:
    """Delete the parts of `path` whose processes are dead, and what they left under the name
    itself: a file that is one of several, and was never followed by the others."""
    for part in _parts(path):
        with contextlib.suppress(OSError), _dead(part):
            # Without locks a living process's would be taken for it.
            if _locks is not None and path.exists() and path.samefile(part):
                path.unlink()
            part.unlink()


def is_abandoned(path: Path) -> bool:
    """Whether the file at `path` is such a one: `delete_abandoned` would delete it."""
    if _locks is not None:
        for part in _parts(path):
            with contextlib.suppress(OSError), _dead(part):
                if path.samefile(part):
                    return True
    return False


@contextlib.contextmanager
def _dead(part: Path) -> Iterator[None]:
    """Holds the lock of a part whose process is dead. Raises OSError if it lives."""
    if _locks is None:
        yield
        return
    descriptor = os.open(part, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        _locks.flock(descriptor, _locks.LOCK_EX | _locks.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until a folder's names are on the disk, where the system lets folders be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _parts(path: Path) -> Iterator[Path]:
    pattern = re.compile(re.escape(_stem(path)) + r"\.\d+-[0-9a-f]{8}\.part")
    with contextlib.suppress(OSError), os.scandir(path.parent) as beside:
        yield from [Path(each.path) for each in beside if pattern.fullmatch(each.name)]


def _stem(path: Path) -> str:
    """As much of the name as leaves room for what a part's name adds."""
    kept = os.fsencode(path.name)[: LONGEST_NAME_BYTES - _EXTRA_BYTES]
    return kept.decode(errors="ignore")


def _locked(descriptor: int) -> int | None:
    """A second descriptor of the locked file, which holds the lock when the first is closed; None
    where files cannot be locked.

    Waits for whoever takes the file for abandoned just now: it is deleted before they let go.
    """
    if _locks is None:
        return None
    with contextlib.suppress(OSError):
        _locks.flock(descriptor, _locks.LOCK_EX)
    return os.dup(descriptor)


def _rename_new(part: Path, path: Path) -> None:
    """Rename, but never over a file that appeared while rendering."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise OutputError(
            Problem(str(path), "appeared while rendering", "use --force to replace it")
        ) from None
    except OSError:  # a file system without links
        part.replace(path)
