"""What a scene says in vain: it is no mistake, but nobody will hear it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ambientgen.scene.text import named
from ambientgen.sources.usable import channels_of

if TYPE_CHECKING:
    from ambientgen.curves import Curve
    from ambientgen.scene import Layer, Scene


def said_in_vain(scene: Scene) -> Iterator[str]:
    """A line for each thing that is not heard, by layer: sounds that stay at none, random events
    that never come, directions and widths where there is nothing to tell them by."""
    for layer in scene.sounds:
        yield from (f"{_called(layer)}{what}" for what in _of(layer, scene))


def _of(layer: Layer, scene: Scene) -> Iterator[str]:
    if layer.states and not layer.events and _never_heard(layer, scene):
        yield "it is never heard: the levels of its states stay at 0"
    if layer.strength == 1.0:
        given = [("events", bool(layer.events)), ("kind", bool(layer.kinds))]
        for field in (field for field, said in given if said):
            yield f"its `{field}` is not heard: at `strength: 1` nothing of the synthesis is left"
    for number, event in enumerate(layer.events if layer.strength != 1.0 else (), start=1):
        if event.rate is not None and event.rate.high > 0 and _stays_at_0(event.rate.curve, scene):
            yield f"event {number}, {named(event.sound)}, never comes: its `rate` stays at 0"
    place = layer.placement
    if scene.output.layout == "mono":
        pointed = place.direction is not None or any(e.direction is not None for e in layer.events)
        given = [("direction", pointed), ("width", place.width is not None)]
        for field in (field for field, said in given if said):
            yield f"its `{field}` is not heard in mono; write `output: {{layout: stereo}}`"
    elif layer.engine == "recording" and place.width is not None and channels_of(layer) == 1:
        yield f"its `width` is not heard: the recording {named(layer.file)} is mono, one point"


def _never_heard(layer: Layer, scene: Scene) -> bool:
    if not all(_stays_at_0(state.curve, scene) for state in layer.states):
        return False
    worded = (
        layer.setting or scene.setting or any(state.levels[:1] != (None,) for state in layer.states)
    )
    return not (layer.by_model and worded)  # a model makes something of a setting alone


def _stays_at_0(curve: Curve, scene: Scene) -> bool:
    # With the very end of what is told: a level that comes only there is held from then on.
    return next(curve.sounding_s(math.nextafter(scene.told_s, math.inf)), None) is None


def _called(layer: Layer) -> str:
    """The layer and its line, where it has one; nothing of what stands beside no others."""
    parts = layer.place.rsplit(":", 2)
    line = f" (line {parts[1]})" if len(parts) == 3 and parts[1].isdigit() else ""
    return f"layer {layer.name}{line}: "
