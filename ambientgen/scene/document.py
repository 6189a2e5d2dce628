"""A scene written down again, everything resolved, as a document that reads back as that scene."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any

from ambientgen.curves import Constant, Curve, Points, Repeating, Wander
from ambientgen.scene.model import Scene, State

# What a scene's text may not hold as it stands, and JSON leaves unescaped.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def scene_document(scene: Scene) -> dict[str, Any]:
    """`scene` with the fields and spellings of a scene file, as plain JSON values.

    Overrides are in it, shares of the duration are seconds and known states have their words, so
    that a later catalogue says the same. `parse_scene(document_text(...))` gives an equal scene,
    if `scene` could have been read from a file at all.
    """
    document: dict[str, Any] = {"version": 1, "title": scene.title}
    document["duration"] = "endless" if math.isinf(scene.duration_s) else _time(scene.duration_s)
    if scene.loop:
        document["loop"] = True
    document["seed"] = scene.seed
    if scene.setting:
        document["setting"] = scene.setting
    document["states"] = {state.name: _state(state) for state in scene.states}
    every_s = scene.keyframes.every_s
    document["keyframes"] = "auto" if every_s is None else {"every": _time(every_s)}
    document["model"] = scene.model
    asked = scene.render
    render = {
        "window": None if asked.window_s is None else _time(asked.window_s),
        "overlap": None if asked.overlap_s is None else _time(asked.overlap_s),
        "steps": asked.steps,
        "guidance": asked.guidance,
        "negative_prompt": asked.negative_prompt,
        "interpolation": asked.interpolation,
        "scheduler": asked.scheduler,
    }
    document["render"] = {name: value for name, value in render.items() if value is not None}
    document["output"] = {"format": scene.output.format, "sample_rate": scene.output.sample_rate}
    return document


def document_text(document: dict[str, Any]) -> str:
    """A scene's document as the text of a scene file (JSON, which is YAML)."""
    # Unescaped: YAML knows no pairs of surrogates.
    text = json.dumps(document, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _state(state: State) -> dict[str, Any]:
    fields: dict[str, Any] = {"levels": list(state.levels)}
    curve: Curve = state.curve
    if isinstance(curve, Wander):
        fields["wander"] = {"amount": curve.amount, "period": _time(curve.period_s)}
        curve = curve.base
    if isinstance(curve, Repeating):
        fields["repeat"] = _time(curve.period_s)
        curve = curve.turn
    fields["curve"] = _levels(curve)
    return fields


def _levels(curve: Curve) -> float | dict[str, Any]:
    """A curve's points by their times, or its one level.

    Raises ValueError for a kind of curve that no scene file can write.
    """
    if isinstance(curve, Constant):
        return curve.level
    if not isinstance(curve, Points):
        raise ValueError(f"a scene file cannot hold {type(curve).__name__}")
    rows = zip(curve.times_s, curve.levels, curve.easings, strict=True)
    return {
        _time(time_s): level if easing == "linear" else {"value": level, "easing": easing}
        for time_s, level, easing in rows
    }


def _time(seconds: float) -> str:
    """Seconds as a scene writes them, exactly: no exponent, and no rounding."""
    return f"{Decimal(repr(float(seconds))):f}s"
