"""What a render wrote beside its sound, as far as the ear is concerned: where the joins are."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Told:
    """The joins in seconds, or None if nothing tells them; whether the sound is meant to loop."""

    joins_s: tuple[float, ...] | None = None
    loop: bool = False


def read_sidecar(sound: Path) -> Told:
    """What NAME.json beside the sound NAME.wav says; a missing or foreign file says nothing."""
    try:
        found: Any = json.loads(sound.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Told()
    if not isinstance(found, dict):
        return Told()
    listed = found.get("joins_s")
    joins = None
    if isinstance(listed, list) and all(_is_time(value) for value in listed):
        joins = tuple(sorted(float(value) for value in listed))
    return Told(joins, found.get("loop") is True)


def _is_time(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(float(str(value))) and float(str(value)) >= 0
