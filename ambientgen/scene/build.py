"""From a file's fields to the scene: defaults, level words and curves filled in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ambientgen.curves import Constant, Curve, Points, Repeating, Wander
from ambientgen.scene.catalogue import KNOWN
from ambientgen.scene.curve_fields import SCALES, AnyGlide, StateFields
from ambientgen.scene.fields import Fields
from ambientgen.scene.layer_fields import Curved, EventFields, LayerFields
from ambientgen.scene.layers import Event, Layer, Placement, Ranged
from ambientgen.scene.output_fields import OutputFields
from ambientgen.scene.points import Drawn
from ambientgen.scene.scene import (
    EVENTS,
    OUTPUT_NAMES,
    RENDER_NAMES,
    KeyframeRule,
    OutputOptions,
    RenderOptions,
    Scene,
)
from ambientgen.scene.schema import RenderFields, SceneFields
from ambientgen.scene.state import State
from ambientgen.tuning import Key


@dataclass(frozen=True)
class Origin:
    """Where a scene came from.

    title: what it is called if it does not say. base: the folder that recordings' paths count from.
    place: line and column of the value at a path of the scene.
    """

    title: str
    base: str
    place: Callable[[tuple[str, ...]], str]


Apart = Callable[[str], bool]
"""Whether the model of some name has the states of a scene rendered each by itself."""


def together(model: str) -> bool:
    """No model has: states are one mixture unless their scene says otherwise."""
    return False


def build_scene(fields: SceneFields, origin: Origin, apart: Apart = together) -> Scene:
    """The scene that checked `fields` describe; `apart` is asked where they do not say it."""
    by_themselves = _are_apart(fields, apart)
    return Scene(
        title=fields.title or origin.title,
        duration_s=fields.duration,
        loop=fields.loop,
        seed=fields.seed,
        setting=fields.setting or "",
        key=Key.named(fields.key) if fields.key else None,
        states=() if by_themselves else _states(fields.states, fields),
        layers=_apart(fields, origin) if by_themselves else _layers(fields, origin),
        events=_events(fields.events, "", fields),
        variants=fields.variants,
        keyframes=KeyframeRule(every_s=fields.keyframes.every if fields.keyframes else None),
        model=fields.model,
        render=_render(fields.render),
        output=_output(fields.output, origin),
        model_place=origin.place(("model",)) if "model" in fields.model_fields_set else "",
    )


def _render(fields: RenderFields) -> RenderOptions:
    return RenderOptions(**_named(fields, RENDER_NAMES))


def _output(fields: OutputFields, origin: Origin) -> OutputOptions:
    place = origin.place(("output", "loudness")) if fields.loudness is not None else ""
    return OutputOptions(**_named(fields, OUTPUT_NAMES), loudness_place=place)


def _named(fields: Fields, names: Mapping[str, str]) -> dict[str, Any]:
    """All fields by the names that options have for them: those of `names`, or the same."""
    return {names.get(name, name): getattr(fields, name) for name in type(fields).model_fields}


def _states(
    states: dict[str, StateFields] | None, scene: SceneFields, layer: str = ""
) -> tuple[State, ...]:
    return tuple(_state(name, state, scene, layer) for name, state in (states or {}).items())


def _state(name: str, fields: StateFields, scene: SceneFields, layer: str) -> State:
    known = KNOWN.get(name)
    own_words = fields.levels or (known.levels if known else ())
    # In a layer of its own name a state drifts as it does without: apart as in one mixture.
    stream = name if layer in ("", name) else f"{layer}.{name}"
    return State(
        name=name,
        curve=_curve(fields, scene, stream),
        levels=tuple(own_words),
        plain=known.plain if known else "",
    )


def _are_apart(fields: SceneFields, apart: Apart) -> bool:
    """Whether states are made into layers: as the scene says, or else where its model has it so
    and there are several (beside events, none of their name: its stem would be theirs)."""
    states = fields.states or {}
    if fields.apart is not None:
        return fields.apart
    clash = fields.events is not None and EVENTS in states
    return len(states) > 1 and not clash and apart(fields.model)


def _apart(fields: SceneFields, origin: Origin) -> tuple[Layer, ...]:
    """The states as layers of their names."""
    return tuple(
        Layer(
            name=name,
            states=_states({name: state}, fields, name),
            place=origin.place(("states", name)),
        )
        for name, state in (fields.states or {}).items()
    )


def _layers(fields: SceneFields, origin: Origin) -> tuple[Layer, ...]:
    layers = fields.layers or {}
    return tuple(_layer(name, layer, fields, origin) for name, layer in layers.items())


def _layer(name: str, fields: LayerFields, scene: SceneFields, origin: Origin) -> Layer:
    states = fields.states or {}
    file = fields.file
    return Layer(
        name=name,
        engine=fields.engine,
        states=_states(states, scene, name),
        kinds=tuple((sound, state.kind) for sound, state in states.items() if state.kind),
        setting=fields.setting or "",
        model=fields.model,
        strength=fields.strength,
        seed=fields.seed,
        file=file,
        base=origin.base if file else "",
        events=_events(fields.events, f"{name}.", scene),
        placement=Placement(
            gain_db=_ranged("gain", fields.gain, scene, name),
            direction=_ranged("direction", fields.direction, scene, name),
            distance=_ranged("distance", fields.distance, scene, name),
            width=fields.width,
            room=fields.room,
        ),
        place=origin.place(("layers", name, "file") if file else ("layers", name)),
    )


def _events(events: list[EventFields] | None, owner: str, scene: SceneFields) -> tuple[Event, ...]:
    return tuple(
        Event(
            sound=event.sound,
            kind=event.kind,
            at_s=event.at,
            rate=_ranged("rate", event.rate, scene, f"{owner}events {index}"),
            level=event.level,
            length_s=event.length,
            gain_db=event.gain,
            direction=event.direction,
            distance=event.distance,
        )
        for index, event in enumerate(events or ())
    )


def _ranged(field: str, written: Curved | None, scene: SceneFields, owner: str) -> Ranged | None:
    if written is None:
        return None
    scale = SCALES[field][0]
    if isinstance(written, tuple):
        curve = _drawn(written, None, "linear")
        curve = curve.looped(scene.duration) if scene.loop else curve
    else:
        curve = _curve(written, scene, f"{owner} {field}", from_nothing=scale.low == 0.0)
    end_s = math.inf if scene.duration is None else scene.duration
    return Ranged(curve=curve, low=scale.low, high=scale.high, end_s=end_s, loop=scene.loop)


def _drawn(points: Drawn, repeat_s: float | None, easing: str) -> Curve:
    if len(points) == 1:
        return Constant(points[0].level)
    line = Points(
        times_s=tuple(point.time_s for point in points),
        levels=tuple(point.level for point in points),
        easings=tuple(point.easing or easing for point in points),
    )
    return Repeating(line, repeat_s) if repeat_s else line


def _curve(
    fields: StateFields | AnyGlide, scene: SceneFields, stream: str, from_nothing: bool = True
) -> Curve:
    """A curve; its wandering is drawn from the scene's seed and the `stream`'s name.

    from_nothing: the least of its scale is nothing at all.
    """
    curve = _drawn(fields.curve, fields.repeat, fields.easing)
    if fields.wander:
        wander = fields.wander
        amount, period_s = wander.amount, wander.period
        curve = Wander(curve, amount, period_s, scene.seed, stream, from_nothing=from_nothing)
    return curve.looped(scene.duration) if scene.loop else curve
