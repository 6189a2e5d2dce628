"""A model's content as one hash: two folders of one fingerprint make the same samples.

Torch-free. Hashing 42 MB takes a tenth of a second, but gigabytes several: hashes of single files
are remembered by path, size, and times of writing and of change. The latter nobody can set, so that
weights that were copied over others with their times are not taken for them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from pathlib import Path

from ambientgen.models.folder import EXTRAS, INDEX, NETWORKS, TOKENIZERS, weight_files

MOST_REMEMBERED = 1000  # files: some 250 kB, read in a few ms; a model has 2 to 20 large ones

_BLOCK_BYTES = 1 << 20
_DESCRIBING = (".json", ".txt", ".model")  # configurations, vocabularies, merges, sentence pieces
_LARGE_BYTES = 1 << 16  # smaller files are hashed as quickly as looked up


class Hashes:
    """SHA-256 of files; those of large ones are remembered in a file, `memory` (None: nowhere).

    most: how many files are remembered; the longest unused are forgotten first.
    """

    def __init__(self, memory: Path | None, most: int = MOST_REMEMBERED) -> None:
        self._memory, self._most = memory, most
        self._known = _recalled(memory)
        self._used: dict[str, tuple[str, str]] = {}
        self._learnt = False

    def of(self, path: Path) -> str:
        """The hash of a file's content, in hex. Raises OSError where it cannot be read."""
        status = path.stat()
        if status.st_size < _LARGE_BYTES:
            return hashlib.sha256(path.read_bytes()).hexdigest()
        place = str(path.resolve())
        state = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
        known_state, digest = self._used.get(place) or self._known.get(place) or ("", "")
        if known_state != state:
            digest = _hash_of(path)
            self._learnt = True
        self._used[place] = state, digest
        return digest

    def remember(self) -> None:
        """Write what was learnt, if it can be: else it is hashed again next time."""
        if self._memory is None or not self._learnt:
            return
        rest = {place: said for place, said in self._known.items() if place not in self._used}
        kept = dict([*rest.items(), *self._used.items()][-self._most :])
        part = self._memory.with_name(
            f"{self._memory.name}.{os.getpid()}-{secrets.token_hex(4)}.part"
        )
        with contextlib.suppress(OSError):
            self._memory.parent.mkdir(0o700, parents=True, exist_ok=True)
            try:
                part.write_text(json.dumps(kept, indent=1), encoding="utf-8")
                part.replace(self._memory)
            finally:
                part.unlink(missing_ok=True)


def fingerprint(folder: Path, memory: Path | None = None) -> str:
    """SHA-256, in hex, over every file of a checked model folder that rendering reads.

    That is weights, configurations and tokenizers with their names, but no model card. `memory` is
    a file of hashes known already, read and updated if it can be; None hashes everything anew.

    Raises OSError where a file cannot be read.
    """
    hashes = Hashes(memory)
    listing = listed({name: hashes.of(folder / name) for name in _names(folder)})
    hashes.remember()
    return listing


def listed(hashes: dict[str, str]) -> str:
    """One hash, in hex, of files' names and hashes."""
    listing = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))
    return hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()


def _names(folder: Path) -> list[str]:
    """The files that rendering reads, by their path inside `folder` with forward slashes."""
    found = [folder / INDEX, folder / EXTRAS]
    for slot in (*NETWORKS, *TOKENIZERS, "scheduler"):
        if slot in NETWORKS:
            found += weight_files(folder / slot)
        found += [p for p in (folder / slot).iterdir() if p.name.endswith(_DESCRIBING)]
    return [path.relative_to(folder).as_posix() for path in found if path.is_file()]


def _hash_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _recalled(memory: Path | None) -> dict[str, tuple[str, str]]:
    """Of each file's path its state then and its hash; entries that make no sense are left out."""
    if memory is None:
        return {}
    try:
        found = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    said = found.items() if isinstance(found, dict) else ()
    return {
        place: (each[0], each[1])
        for place, each in said
        if isinstance(each, list) and len(each) == 2 and all(isinstance(x, str) for x in each)
    }
