"""A scene written down again, everything resolved, as a document that reads back as that scene."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from ambientgen.curves import Constant, Curve, Points, Repeating, Wander
from ambientgen.scene.layers import Event, Layer, Ranged
from ambientgen.scene.recordings import recording_path
from ambientgen.scene.scene import OUTPUT_NAMES, RENDER_NAMES, OutputOptions, RenderOptions, Scene
from ambientgen.scene.state import State

# What a scene's text may not hold as it stands, and JSON leaves unescaped.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")

_MOST_STEPS = 64  # neighbours of a number that are tried, in search of one that reads back the same


def scene_document(scene: Scene, folder: str | None = None) -> dict[str, Any]:
    """`scene` with the fields and spellings of a scene file, as plain JSON values.

    Overrides are in it, shares of the duration are seconds and known states have their words, so
    that a later catalogue says the same. `parse_scene(document_text(...))` gives an equal scene,
    if `scene` could have been read from a file at all.

    folder: where the document is to lie: recordings' paths then count from there; None: they stay
    as they are.
    """
    document: dict[str, Any] = {"version": 1, "title": scene.title}
    document["duration"] = "endless" if math.isinf(scene.duration_s) else _time(scene.duration_s)
    if scene.loop:
        document["loop"] = True
    document["seed"] = scene.seed
    if scene.setting:
        document["setting"] = scene.setting
    if scene.key is not None:
        document["key"] = scene.key.name
    if scene.states:
        document["states"] = {state.name: _state(state) for state in scene.states}
    if len(scene.states) > 1:
        document["apart"] = False  # whatever its model would have by itself
    if scene.layers:
        document["layers"] = {layer.name: _layer(layer, folder) for layer in scene.layers}
    if scene.events:
        document["events"] = [_event(event) for event in scene.events]
    if scene.variants != 1:
        document["variants"] = scene.variants
    every_s = scene.keyframes.every_s
    document["keyframes"] = "auto" if every_s is None else {"every": _time(every_s)}
    document["model"] = scene.model
    document["render"] = _render(scene.render)
    document["output"] = _output(scene.output)
    return document


def document_text(document: dict[str, Any]) -> str:
    """A scene's document as the text of a scene file (JSON, which is YAML)."""
    # Unescaped: YAML knows no pairs of surrogates.
    text = json.dumps(document, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _render(options: RenderOptions) -> dict[str, Any]:
    """What is said of it, by the names that a scene has for it."""
    said = {name: value for name, value in asdict(options).items() if value is not None}
    return _named(said, RENDER_NAMES)


def _output(output: OutputOptions) -> dict[str, Any]:
    """Format and sample rate, and whatever else is not as usual."""
    usual, always = OutputOptions().to_json(), ("format", "sample_rate")
    said = {
        name: value
        for name, value in output.to_json().items()
        if name in always or value != usual[name]
    }
    return _named(said, OUTPUT_NAMES)


def _named(options: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Options by the names that a scene has for them; what ends in `_s` are seconds, and spelt."""
    written = {own: name for name, own in names.items()}
    return {
        written.get(own, own): _time(value) if own.endswith("_s") else value
        for own, value in options.items()
    }


def _layer(layer: Layer, folder: str | None) -> dict[str, Any]:
    placement = layer.placement
    fields: dict[str, Any] = {"engine": layer.engine}
    if layer.states:
        fields["states"] = {state.name: _state(state) for state in layer.states}
        for name, kind in layer.kinds:
            fields["states"][name]["kind"] = kind
    said = {
        "setting": layer.setting or None,
        "model": layer.model,
        "strength": layer.strength,
        "seed": layer.seed or None,
        "file": _file(layer, folder),
        "events": [_event(event) for event in layer.events] or None,
        **{name: _ranged(curve) for name, curve in placement.curves.items()},
        "width": placement.width,
        "room": None if placement.room == "none" else placement.room,
    }
    return fields | {name: value for name, value in said.items() if value is not None}


def _file(layer: Layer, folder: str | None) -> str | None:
    """A recording's path, from the folder if one is given."""
    if layer.file is None or folder is None or os.path.isabs(layer.file):
        return layer.file
    lies = recording_path(layer)
    here = Path(os.path.realpath(lies.parent), lies.name)  # `..` leads out of where links lead to
    try:
        beside = Path(os.path.relpath(here, os.path.realpath(folder))).as_posix()
        return f"./{beside}" if beside.startswith("~") else beside  # which is no one's home
    except ValueError:  # another drive
        return Path(os.path.abspath(here)).as_posix()


def _event(event: Event) -> dict[str, Any]:
    said = {
        "at": None if event.at_s is None else _time(event.at_s),
        "rate": _ranged(event.rate),
        "sound": event.sound,
        "kind": event.kind,
        "level": list(event.level),
        "length": None if event.length_s is None else _time(event.length_s),
        "gain": event.gain_db or None,
        "direction": event.direction and list(event.direction),
        "distance": event.distance and list(event.distance),
    }
    return {name: value for name, value in said.items() if value is not None}


def _ranged(ranged: Ranged | None) -> Any:
    """A curve in its own unit, that is read back as the same shares of its scale."""
    if ranged is None:
        return None
    low, high = ranged.low, ranged.high
    fields = _curve(ranged.curve, low, high)
    if "wander" in fields:
        fields["wander"]["amount"] = _in_unit(fields["wander"]["amount"], 0.0, high - low)
    return fields["curve"] if len(fields) == 1 else fields


def _in_unit(share: float, low: float, high: float) -> float:
    """The number that is read as just that share of a scale: a short one where there is one.

    Where none is (rounding leaves gaps near a middle), the nearest.
    """
    value = low + (high - low) * share
    for digits in (6, 9, 12):
        if (round(value, digits) - low) / (high - low) == share:
            return round(value, digits)
    below = above = value
    for _ in range(_MOST_STEPS):
        for number in (below, above):
            if (number - low) / (high - low) == share:
                return number
        below, above = math.nextafter(below, -math.inf), math.nextafter(above, math.inf)
    return value


def _state(state: State) -> dict[str, Any]:
    return {"levels": list(state.levels), **_curve(state.curve)}


def _curve(curve: Curve, low: float = 0.0, high: float = 1.0) -> dict[str, Any]:
    """The fields of a curve on a scale; a wander's amount is a share of it."""
    fields: dict[str, Any] = {}
    if isinstance(curve, Wander):
        fields["wander"] = {"amount": curve.amount, "period": _time(curve.period_s)}
        curve = curve.base
    if isinstance(curve, Repeating):
        fields["repeat"] = _time(curve.period_s)
        curve = curve.turn
    common = _common_easing(curve)
    if common != "linear":
        fields["easing"] = common
    fields["curve"] = _levels(curve, low, high, common)
    return fields


def _common_easing(curve: Curve) -> str:
    """How most segments of a curve are eased, which is then not written at each point: a scene
    file holds only so many values."""
    counted = Counter(curve.easings if isinstance(curve, Points) else ())
    return counted.most_common(1)[0][0] if counted else "linear"


def _levels(curve: Curve, low: float, high: float, common: str) -> float | dict[str, Any]:
    """A curve's points by their times, with those easings that are not the `common` one, or its
    one level.

    Raises ValueError for a kind of curve that no scene file can write.
    """
    if isinstance(curve, Constant):
        return _in_unit(curve.level, low, high)
    if not isinstance(curve, Points):
        raise ValueError(f"a scene file cannot hold {type(curve).__name__}")
    rows = zip(curve.times_s, curve.levels, curve.easings, strict=True)
    return {
        _time(time_s): value if easing == common else {"value": value, "easing": easing}
        for time_s, value, easing in ((t, _in_unit(v, low, high), e) for t, v, e in rows)
    }


def _time(seconds: float) -> str:
    """Seconds as a scene writes them, exactly: no exponent, and no rounding."""
    return f"{Decimal(repr(float(seconds))):f}s"
