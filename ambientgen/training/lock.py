"""A work folder is one training's at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ambientgen.errors import OutputError, Problem

try:
    import fcntl as _fcntl
except ImportError:  # Windows: no lock
    _fcntl = None  # type: ignore[assignment]

LOCK = "lock"  # in the work folder; stays there, since to delete it would let two in
_locks: Any = _fcntl


@contextmanager
def alone_in(work: Path) -> Iterator[None]:
    """Nobody else trains in `work` as long as the block goes on, or this process lives.

    The lock is one of this process alone, which those it forks do not hold on to. Where the file
    system knows no locks there is none.

    Raises:
        OutputError: another training is at work there.
    """
    if _locks is None:
        yield
        return
    with (work / LOCK).open("w") as file:
        try:
            _locks.lockf(file, _locks.LOCK_EX | _locks.LOCK_NB)
        except (BlockingIOError, PermissionError):
            remedy = "wait until it is done, or name another folder with --work"
            problem = Problem(f"--work {work}", "another training is at work here", remedy)
            raise OutputError(problem) from None
        except OSError:
            pass
        yield
