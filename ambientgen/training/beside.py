"""Folders that are written beside their place, and what dead processes left of such."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

try:
    import fcntl as _fcntl
except ImportError:  # Windows, where nothing tells whether a folder's writer lives
    _fcntl = None  # type: ignore[assignment]

_locks: Any = _fcntl


@contextmanager
def beside(output: Path) -> Iterator[Path]:
    """An empty folder beside `output`, gone if it is not renamed. It is locked as long as this
    process lives; others of the same name whose processes are dead are deleted first."""
    _delete_abandoned(output)
    while True:
        made = tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".part", dir=output.parent)
        folder = Path(made)
        # Waits for whoever takes it for abandoned just now: it is deleted before they let go.
        descriptor = _opened(folder, wait=True)
        if folder.exists():
            break
        _close(descriptor)
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _close(descriptor)


def _delete_abandoned(output: Path) -> None:
    if _locks is None:
        return
    pattern = re.compile(re.escape(f".{output.name}.") + r"[a-z0-9_]{8}\.part")
    with suppress(OSError), os.scandir(output.parent) as found:
        for entry in found:
            if pattern.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                descriptor = _opened(Path(entry.path), wait=False)
                if descriptor is not None:
                    shutil.rmtree(entry.path, ignore_errors=True)
                _close(descriptor)


def _opened(folder: Path, wait: bool) -> int | None:
    """A locked descriptor of a folder; None where there can be none, or somebody else has it."""
    if _locks is None:
        return None
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            _locks.flock(descriptor, _locks.LOCK_EX | (0 if wait else _locks.LOCK_NB))
        except OSError:
            os.close(descriptor)
            return None
        return descriptor
    return None


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)
