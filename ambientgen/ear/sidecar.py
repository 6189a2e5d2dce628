"""What a render wrote beside its sound, as far as the ear is concerned: joins, place, events."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ambientgen.ear.events import away_from, events_s
from ambientgen.errors import AmbientgenError
from ambientgen.scene import parse_scene
from ambientgen.scene.document import document_text
from ambientgen.scene.schema import MOST_DURATION_S
from ambientgen.sidecar import is_time, sidecar_path


@dataclass(frozen=True)
class Told:
    """The joins in seconds, or None if nothing tells them; whether the sound is meant to loop; when
    in its scene it begins, in seconds; when the scene's events begin in it (`events.events_s`), or
    None if nothing tells its scene."""

    joins_s: tuple[float, ...] | None = None
    loop: bool = False
    from_s: float = 0.0
    events_s: tuple[float, ...] | None = None

    @property
    def unscripted_s(self) -> tuple[float, ...] | None:
        """The joins near which nothing was asked to happen."""
        return None if self.joins_s is None else away_from(self.joins_s, self.events_s or ())


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
    from_s = float(found["from_s"]) if is_time(found.get("from_s")) else 0.0
    return Told(joins, found.get("loop") is True, from_s, _events(found, from_s))


def _events(found: dict[str, Any], from_s: float) -> tuple[float, ...] | None:
    """When the events of a sidecar's scene begin; None where it has none that can be read."""
    length_s: Any = found.get("duration_s")
    if not is_time(length_s) or length_s > MOST_DURATION_S:
        return None
    try:
        scene = parse_scene(document_text(found["scene"]), "sidecar")
    except (AmbientgenError, LookupError, RecursionError, TypeError, ValueError):
        return None
    return events_s(scene, from_s, float(length_s))
