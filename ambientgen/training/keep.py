"""Results that are made once and kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def kept(path: Path, make: Callable[[Path], None]) -> Path:
    """`path`, made first if it is not there: `make` writes the file it is given.

    That is a `.part` beside `path`, of the same suffix, renamed once it is whole: a stop in
    mid-write leaves nothing that the next run would take for the result.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.stem}.part{path.suffix}")
        make(partial)
        partial.replace(path)
    return path
