"""Finished work kept between renders: arrays in files named by a hash of all they depend on.

Nothing in the store is ever needed: an entry that is missing, truncated, corrupt or unreadable is
computed again. Entries appear whole, by renaming, so any number of processes may share a store; the
longest unused go first when it outgrows its limit.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ambientgen.errors import Problem, UsageError

DEFAULT_LIMIT_BYTES = 2_000_000_000  # some 35 hours of pocket's windows, 0.9 MB a minute
FOLDER_VARIABLE, LIMIT_VARIABLE = "AMBIENTGEN_CACHE", "AMBIENTGEN_CACHE_SIZE"

_MAGIC = b"ambientgen entry 1\n"
_DIGEST_BYTES = 32  # SHA-256
_SUFFIX, _PART_SUFFIX = ".entry", ".part"
_PART_AGE_S = 3600.0  # an entry is written in milliseconds: such a part's writer is dead
_TRIM_SHARE = 16  # a render looks at the store's size each time it wrote this fraction of the limit
_TRIMMED_TO = 0.9  # of the limit, so that not every entry more means another trim
_SIZE = re.compile(r"(\d{1,15}(?:\.\d+)?)\s*(?:([kMGT])(i?))?B?", re.ASCII | re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


@dataclass(frozen=True)
class StoreSize:
    """How much a store holds."""

    entries: int
    bytes: int


def key_of(*parts: str | bytes | NDArray[np.generic]) -> str:
    """The name, 64 hex digits, of what is a pure function of `parts`.

    Each part is hashed with its kind and length, so no two lists of parts share a name.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            head, body = f"array {part.dtype.str} {part.shape}", part.tobytes()
        elif isinstance(part, str):
            body = part.encode()
            head = f"text {len(body)}"
        else:
            head, body = f"bytes {len(part)}", part
        digest.update(head.encode() + b"\0" + body)
    return digest.hexdigest()


class Store:
    """A folder of arrays by key. Threads may share one, and processes its folder.

    folder: made when the first entry is written. limit_bytes: what all entries together may take;
    it may be outgrown by a sixteenth for each process that is writing.
    """

    def __init__(self, folder: Path, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._untrimmed_bytes = 0
        self._trouble: str | None = None
        self._told = False

    def get(self, key: str) -> NDArray[np.generic] | None:
        """The array kept under `key`, or None. An entry that is not as it was written is dropped.

        It counts as used now.
        """
        path = self._path(key)
        try:
            raw = path.read_bytes()
        except OSError:
            return None
        found = _opened(key, raw)
        with contextlib.suppress(OSError):
            if found is None:
                path.unlink()
            else:
                os.utime(path)  # used just now
        return found

    def put(self, key: str, array: NDArray[np.generic]) -> None:
        """Keep `array` under `key`. Where that fails, the store takes nothing more: `trouble`."""
        if self._trouble is not None:
            return
        path, sealed = self._path(key), _sealed(key, array)
        try:
            try:
                _write_whole(path, sealed)
            except FileNotFoundError:  # another process clears the store: its shelf has just gone
                _write_whole(path, sealed)
        except OSError as error:
            with self._lock:
                self._trouble = self._trouble or error.strerror or str(error)
            return
        with self._lock:
            self._untrimmed_bytes += len(sealed)
            due = self._untrimmed_bytes > self.limit_bytes // _TRIM_SHARE
            self._untrimmed_bytes = 0 if due else self._untrimmed_bytes
        if due:
            self.trim()

    def trouble(self) -> str | None:
        """Why the store takes nothing any more, told once; None if it does, or it was told."""
        if self._trouble is None or self._told:
            return None
        self._told = True
        remedy = "choose another folder with --cache, or none with --no-cache"
        what = "finished windows cannot be kept here"
        return f"{self.folder}: {what} ({self._trouble.lower()}); {remedy}"

    def close(self) -> None:
        """End a render's use of the store: bring it back to its limit if anything was written."""
        with self._lock:
            written, self._untrimmed_bytes = self._untrimmed_bytes, 0
        if written:
            self.trim()

    def size(self) -> StoreSize:
        """What the store holds now."""
        found = [size for _, size, path in self._files() if path.name.endswith(_SUFFIX)]
        return StoreSize(len(found), sum(found))

    def trim(self) -> None:
        """Drop the longest unused entries until the rest is within the limit, and dead parts."""
        entries = []
        now_s = time.time()
        for used_s, size, path in self._files():
            if path.name.endswith(_SUFFIX):
                entries.append((used_s, size, path))
            elif now_s - used_s > _PART_AGE_S:
                _drop(path)
        left = sum(size for _, size, _ in entries)
        if left <= self.limit_bytes:
            return
        for _, size, path in sorted(entries):
            if left <= self.limit_bytes * _TRIMMED_TO:
                return
            _drop(path)
            left -= size

    def clear(self) -> StoreSize:
        """Drop everything, and return what that was. Only the store's own files are touched."""
        before = self.size()
        for _, _, path in self._files():
            _drop(path)
        for place in (*self._shelves(), self.folder):
            with contextlib.suppress(OSError):  # not empty, or never made
                place.rmdir()
        return before

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / (key[2:] + _SUFFIX)

    def _shelves(self) -> list[Path]:
        with contextlib.suppress(OSError):
            return [p for p in self.folder.iterdir() if re.fullmatch("[0-9a-f]{2}", p.name)]
        return []

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """When each of the store's files was last used, its size in bytes, and its path."""
        for shelf in self._shelves():
            with contextlib.suppress(OSError), os.scandir(shelf) as found:
                for entry in found:
                    if entry.name.endswith((_SUFFIX, _PART_SUFFIX)):
                        with contextlib.suppress(OSError):  # another process dropped it
                            status = entry.stat(follow_symlinks=False)
                            yield status.st_mtime, status.st_size, Path(entry.path)


def default_folder() -> Path:
    """Where finished work is kept unless somebody says otherwise: `AMBIENTGEN_CACHE`, or the
    platform's folder for caches (`~/.cache/ambientgen` or below `XDG_CACHE_HOME` on Linux)."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("ambientgen", appauthor=False)


def open_store(folder: Path | None = None, limit_bytes: int | None = None) -> Store:
    """The store of finished windows below a cache folder; None: the defaults, or as the environment
    says. Nothing is made yet.

    Raises:
        UsageError: `AMBIENTGEN_CACHE_SIZE` is no size.
    """
    if limit_bytes is None:
        said = os.environ.get(LIMIT_VARIABLE)
        limit_bytes = parse_size(said, LIMIT_VARIABLE) if said else DEFAULT_LIMIT_BYTES
    return Store((folder or default_folder()) / "windows", limit_bytes)


def parse_size(text: str, place: str) -> int:
    """Bytes that `500MB` or `2G` means; units are powers of 1000, those with an `i` (`2GiB`) of
    1024. `place` is named in the error.

    Raises:
        UsageError: no size.
    """
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise UsageError(Problem(place, f"`{text}` is no size", "write for example `2GB`"))
    if text.strip()[-1].isdigit():
        remedy = f"write `{found[1]}MB` or `{found[1]}GB`"
        raise UsageError(Problem(place, f"`{text}` has no unit", remedy))
    base = 1024.0 if found[3] else 1000.0
    return round(float(found[1]) * base ** _POWERS[(found[2] or "").upper()])


def _sealed(key: str, array: NDArray[np.generic]) -> bytes:
    """An entry's bytes: a magic line, the SHA-256 of key and body, the body as `numpy.save` has it.

    The key is in the digest, so an entry under another's name is no good either.
    """
    body = io.BytesIO()
    np.save(body, np.ascontiguousarray(array), allow_pickle=False)
    return _MAGIC + _digest(key, body.getvalue()) + body.getvalue()


def _opened(key: str, raw: bytes) -> NDArray[np.generic] | None:
    """The array in an entry's bytes, or None if they are not what was written."""
    start = len(_MAGIC) + _DIGEST_BYTES
    body = raw[start:]
    if not raw.startswith(_MAGIC) or raw[len(_MAGIC) : start] != _digest(key, body):
        return None
    array: NDArray[np.generic] = np.load(io.BytesIO(body), allow_pickle=False)
    return array


def _digest(key: str, body: bytes) -> bytes:
    return hashlib.sha256(key.encode() + body).digest()


def _write_whole(path: Path, data: bytes) -> None:
    """A new file, its folder made, that is there whole or not at all. Not synced: a power cut may
    truncate it, which its digest tells."""
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    part = path.with_name(f"{os.getpid()}-{secrets.token_hex(8)}{_PART_SUFFIX}")
    try:
        part.write_bytes(data)
        part.replace(path)
    except BaseException:
        _drop(part)
        raise


def _drop(path: Path) -> None:
    with contextlib.suppress(OSError):  # gone already, or not ours to delete
        path.unlink()
