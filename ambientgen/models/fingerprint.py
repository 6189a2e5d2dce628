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

from ambientgen.models.folder import INDEX, NETWORKS, TOKENIZERS, weight_files

_BLOCK_BYTES = 1 << 20
_DESCRIBING = (".json", ".txt", ".model")  # configurations, vocabularies, merges, sentence pieces
_LARGE_BYTES = 1 << 16  # smaller files are hashed as quickly as looked up


def fingerprint(folder: Path, memory: Path | None = None) -> str:
    """SHA-256, in hex, over every file of a checked model folder that rendering reads.

    That is weights, configurations and tokenizers with their names, but no model card. `memory` is
    a file of hashes known already, read and updated if it can be; None hashes everything anew.

    Raises OSError where a file cannot be read.
    """
    known = _recalled(memory)
    hashes = {name: _hash_of(folder / name, known) for name in _names(folder)}
    if memory is not None and known != _recalled(memory):
        _remember(memory, known)
    listing = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))
    return hashlib.sha256(listing.encode()).hexdigest()


def _names(folder: Path) -> list[str]:
    """The files that rendering reads, by their path inside `folder` with forward slashes."""
    found = [folder / INDEX, folder / "ambientgen.json"]
    for slot in (*NETWORKS, *TOKENIZERS, "scheduler"):
        if slot in NETWORKS:
            found += weight_files(folder / slot)
        found += [p for p in (folder / slot).iterdir() if p.name.endswith(_DESCRIBING)]
    return [path.relative_to(folder).as_posix() for path in found if path.is_file()]


def _hash_of(path: Path, known: dict[str, str]) -> str:
    """The SHA-256 of a file; that of a large one from `known`, which learns it, if unchanged."""
    status = path.stat()
    if status.st_size < _LARGE_BYTES:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    name = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}|{status.st_ctime_ns}"
    if name not in known:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
        known[name] = digest.hexdigest()
    return known[name]


def _recalled(memory: Path | None) -> dict[str, str]:
    if memory is None:
        return {}
    try:
        found = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(memory: Path, known: dict[str, str]) -> None:
    part = memory.with_name(f"{memory.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    with contextlib.suppress(OSError):  # then it is hashed again next time
        memory.parent.mkdir(0o700, parents=True, exist_ok=True)
        try:
            part.write_text(json.dumps(known, indent=1), encoding="utf-8")
            part.replace(memory)
        finally:
            part.unlink(missing_ok=True)
