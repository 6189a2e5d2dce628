"""What a render wrote beside its sound, as far as the ear is concerned: joins, and its place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ambientgen.sidecar import is_time, sidecar_path


@dataclass(frozen=True)
class Told:
    """The joins in seconds, or None if nothing tells them; whether the sound is meant to loop; when
    in its scene it begins, in seconds."""

    joins_s: tuple[float, ...] | None = None
    loop: bool = False
    from_s: float = 0.0


def read_sidecar(sound: Path) -> Told:
    """What the sidecar of a sound says; a missing or foreign file says nothing."""
    try:
        found: Any = json.loads(sidecar_path(sound).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return Told()
    if not isinstance(found, dict):
        return Told()
    listed = found.get("joins_s")
    joins = None
    if isinstance(listed, list) and all(map(is_time, listed)):
        joins = tuple(sorted(map(float, listed)))
    from_s: Any = found.get("from_s")
    return Told(joins, found.get("loop") is True, float(from_s) if is_time(from_s) else 0.0)
