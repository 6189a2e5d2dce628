"""What a scene says in vain: it is no mistake, but nobody will hear it, or not as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ambientgen.curves import Repeating, Wander
from ambientgen.errors import ModelError
from ambientgen.layered_plan import key_of, with_models
from ambientgen.scene.durations import spell
from ambientgen.scene.scene import EVENTS, MIXTURE, OutputOptions
from ambientgen.scene.text import named
from ambientgen.sources.usable import channels_of

if TYPE_CHECKING:
    from ambientgen.scene import Layer, Scene

MOST_OFF = 0.1
"""So much longer or shorter a loop makes a turn without a word: a rhythm is still that one."""


def said_in_vain(scene: Scene) -> Iterator[str]:
    """A line for each thing that is not heard, by layer: sounds that stay at none, random events
    that never come, directions and widths where there is nothing to tell them by; and one for each
    turn that a loop makes much longer or shorter."""
    yield from _of_scene(scene)
    for layer in scene.sounds:
        told = (*_of(layer, scene), *_turned(layer, scene))
        yield from (f"{_called(layer, scene)}{what}" for what in told)


def _of_scene(scene: Scene) -> Iterator[str]:
    if scene.setting and not any(layer.by_model for layer in scene.sounds):
        yield "the `setting` is not heard: no sound of the scene is made by a model"
    if scene.key is not None and not _may_be_tuned(scene):
        yield "the `key` is not heard: nothing in the scene is tuned to it"
    if scene.output.layout == "mono" and scene.output.width != OutputOptions.width:
        yield "the output's `width` is not heard in mono; write `output: {layout: stereo}`"


def _may_be_tuned(scene: Scene) -> bool:
    """Whether its key may be heard; that of a model that is not here can be."""
    try:
        return key_of(scene, with_models(scene)) is not None
    except ModelError:
        return True


def _of(layer: Layer, scene: Scene) -> Iterator[str]:
    if layer.states and not layer.events and _never_heard(layer, scene):
        what = "it is never heard: the levels of its states stay at 0"
        mixed = _is_mixture(layer, scene)
        yield "the states are never heard: their levels stay at 0" if mixed else what
    if layer.strength == 1.0:
        given = [("events", bool(layer.events)), ("kind", bool(layer.kinds))]
        for field in (field for field, said in given if said):
            yield f"its `{field}` is not heard: at `strength: 1` nothing of the synthesis is left"
    for number, event in enumerate(layer.events if layer.strength != 1.0 else (), start=1):
        if event.rate is not None and event.rate.high > 0 and scene.stays_at_0(event.rate.curve):
            yield f"event {number}, {named(event.sound)}, never comes: its `rate` stays at 0"
    yield from _unplaced(layer, scene)


def _unplaced(layer: Layer, scene: Scene) -> Iterator[str]:
    place = layer.placement
    its = "their" if _is_events(layer, scene) else "its"
    if scene.output.layout == "mono":
        pointed = place.direction is not None or any(e.direction is not None for e in layer.events)
        given = [("direction", pointed), ("width", place.width is not None)]
        for field in (field for field, said in given if said):
            yield f"{its} `{field}` is not heard in mono; write `output: {{layout: stereo}}`"
    elif place.width is not None:
        if layer.engine == "recording" and channels_of(layer) == 1:
            yield f"its `width` is not heard: the recording {named(layer.file)} is mono, one point"
        elif not layer.states and layer.events:
            yield "its `width` is not heard: each of its events is one point"


def _turned(layer: Layer, scene: Scene) -> Iterator[str]:
    """The turns of a layer that are made to fit the loop, and are no longer what was written."""
    curves = [(named(state.name), state.curve) for state in layer.states]
    placed = layer.placement.curves.items()
    curves += [(f"its `{name}`", ranged.curve) for name, ranged in placed]
    for number, event in enumerate(layer.events, start=1):
        if event.rate is not None:
            called = f"event {number}, {named(event.sound)}: its `rate`"
            curves.append((called, event.rate.curve))
    for called, curve in curves:
        turn = curve.base if isinstance(curve, Wander) else curve
        if not isinstance(turn, Repeating) or turn.written_s is None:
            continue
        if abs(turn.period_s / turn.written_s - 1) > MOST_OFF:
            made, written = spell(turn.period_s), spell(turn.written_s)
            fits = f"only whole turns fit the loop of {spell(scene.duration_s)}"
            yield f"{called} repeats every {made}, not every {written}: {fits}"


def _never_heard(layer: Layer, scene: Scene) -> bool:
    if not all(scene.stays_at_0(state.curve) for state in layer.states):
        return False
    worded = (
        layer.setting or scene.setting or any(state.levels[:1] != (None,) for state in layer.states)
    )
    return not (layer.by_model and worded)  # a model makes something of a setting alone


def _called(layer: Layer, scene: Scene) -> str:
    """The layer and its line, where it has one; nothing of what stands beside no others, and of
    what is no layer to its author what it is."""
    if _is_mixture(layer, scene):
        return ""
    if _is_events(layer, scene):
        return f"{EVENTS}: "
    parts = layer.place.rsplit(":", 2)
    line = f" (line {parts[1]})" if len(parts) == 3 and parts[1].isdigit() else ""
    return f"layer {layer.name}{line}: "


def _is_mixture(layer: Layer, scene: Scene) -> bool:
    """Whether it is the scene's states, all in one."""
    return bool(scene.states) and layer.name == MIXTURE


def _is_events(layer: Layer, scene: Scene) -> bool:
    """Whether it is the scene's own events."""
    return bool(scene.events) and layer.name == EVENTS
