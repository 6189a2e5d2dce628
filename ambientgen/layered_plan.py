"""What models are to do for each of a scene's sounds; and the plan of a scene that is more than one
mixture: all of its sounds, each by itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ambientgen.asked import check_moment
from ambientgen.errors import check_all
from ambientgen.messages import of_layers
from ambientgen.models.registry import model_for
from ambientgen.plan import ENDLESS_PART_S, Moment, Plan, make_plan
from ambientgen.scene.layers import MOVES, Layer, Placement
from ambientgen.scene.scene import EVENTS, MIXTURE
from ambientgen.state_values import state_values

if TYPE_CHECKING:
    from ambientgen.asked import Asked
    from ambientgen.models.registry import ModelSpec
    from ambientgen.scene import Scene

_DECIMALS = 6  # of a printed number
_OF_MIXTURES = ("title", "start_s", "duration_s", "loop", "endless", "notices")


@dataclass(frozen=True)
class SoundMoment:
    """One sound at one time: its states, how a model is told of them, and where it stands."""

    name: str
    states: dict[str, float]
    moment: Moment | None
    placed: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        told = {} if self.moment is None else self.moment.to_json()
        told.pop("time_s", None)
        return {"states": self.states, **told, **self.placed}


@dataclass(frozen=True)
class SoundPlan:
    """One sound of a scene. `mixture` is the scene of it alone; `plan` what a model is to do."""

    layer: Layer
    mixture: Scene
    plan: Plan | None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        layer = self.layer
        told = {} if self.plan is None else self.plan.to_json()
        known = {name: value for name, value in told.items() if name not in _OF_MIXTURES}
        return {
            "name": layer.name,
            "engine": layer.engine,
            "seed": self.mixture.seed,
            "strength": layer.strength,
            "file": layer.file,
            "states": [state.name for state in layer.states],
            "kinds": dict(layer.kinds),
            "events": [event.to_json() for event in layer.events],
            "placement": layer.placement.to_json(),
            **known,
        }

    def at(self, time_s: float) -> SoundMoment:
        """How it stands at a time inside the scene."""
        values: list[float] = []
        if self.layer.states:
            values = state_values(self.mixture, np.array([time_s]))[:, 0].tolist()
        rounded = (round(value, _DECIMALS) for value in values)
        states = dict(zip((s.name for s in self.layer.states), rounded, strict=True))
        moment = None if self.plan is None else self.plan.state_at(time_s)
        return SoundMoment(self.layer.name, states, moment, placed_at(self.layer.placement, time_s))


def placed_at(placement: Placement, time_s: float) -> dict[str, float]:
    """Gain, direction and distance at a time, where they are said."""
    return {
        MOVES[name].attribute: round(float(curve.at(np.array([time_s]))[0]), _DECIMALS) + 0.0
        for name, curve in placement.curves.items()
    }


@dataclass(frozen=True)
class LayeredPlan:
    """All sounds of a scene, and the stretch that is planned. Of a scene without end its start."""

    scene: Scene
    sounds: tuple[SoundPlan, ...]
    start_s: float
    duration_s: float
    endless: bool

    @cached_property
    def notices(self) -> tuple[str, ...]:
        """What the models cannot follow, sound by sound, as a render tells it."""
        layered = any(sound.layer.name not in (MIXTURE, EVENTS) for sound in self.sounds)
        told = [
            (sound.layer.name, notice)
            for sound in self.sounds
            if sound.plan is not None
            for notice in sound.plan.notices
        ]
        return tuple(of_layers(told, layered))

    def at(self, time_s: float) -> tuple[SoundMoment, ...]:
        """Every sound at a time.

        Raises:
            UsageError: the stretch has no such time.
        """
        end_s = math.inf if self.endless else self.start_s + self.duration_s
        check_moment(time_s, (self.start_s, end_s))
        return tuple(sound.at(time_s) for sound in self.sounds)

    def part_at(self, time_s: float) -> LayeredPlan:
        """This plan; of a scene without end the part of it that holds a time after it."""
        if not self.endless or time_s <= self.start_s + self.duration_s:
            return self
        past_s = (time_s - self.start_s) // ENDLESS_PART_S * ENDLESS_PART_S
        return replace(self, start_s=self.start_s + past_s)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; what `ambientgen plan --json` prints of such a scene."""
        return {
            "title": self.scene.title,
            "start_s": round(self.start_s, _DECIMALS),
            "duration_s": round(self.duration_s, _DECIMALS),
            "loop": self.scene.loop,
            "endless": self.endless,
            "sample_rate": self.scene.output.sample_rate,
            "layout": self.scene.output.layout,
            "seed": self.scene.seed,
            "variants": self.scene.variants,
            "layers": [sound.to_json() for sound in self.sounds],
            "notices": list(self.notices),
        }


def is_layered(scene: Scene) -> bool:
    """Whether the scene is more than one mixture."""
    return bool(scene.layers or scene.events)


def to_models(scene: Scene) -> Iterator[tuple[Layer, Scene]]:
    """The sounds of a scene whose states go to a model, each with the scene it is there."""
    for layer in scene.sounds:
        if layer.states and layer.by_model:
            yield layer, scene.mixture_of(layer)


def with_models(scene: Scene) -> Iterator[tuple[Layer, Scene, ModelSpec]]:
    """`to_models`, with the model of each. A model is looked up once, which takes milliseconds.

    Raises ModelError for all models that are not here.
    """
    mixtures = list(to_models(scene))
    specs: dict[str, ModelSpec] = {}

    def look_up(mixture: Scene) -> None:
        if mixture.model not in specs:
            specs[mixture.model] = model_for(mixture)

    check_all(*(partial(look_up, mixture) for _, mixture in mixtures))
    for layer, mixture in mixtures:
        yield layer, mixture, specs[mixture.model]


def key_of(scene: Scene, sounds: Iterable[tuple[Layer, Scene, ModelSpec]]) -> str | None:
    """The name of the key that some of its `sounds` (layer, mixture, model) stand on notes of:
    those that a model makes wholly, and that are not at 0 throughout. None: none does."""
    tuned = any(
        spec.tones_of([state.name for state in mixture.states])
        and layer.share_made_anew == 1.0
        and not all(scene.stays_at_0(state.curve) for state in mixture.states)
        for layer, mixture, spec in sounds
    )
    return scene.tuning.key.name if tuned else None


def plan_for(spec: ModelSpec, mixture: Scene, layer: Layer, asked: Asked) -> Plan:
    """What a model is to do for one of a scene's sounds; `mixture` is the scene of it alone.

    Raises UsageError and SceneError as `make_plan` does.
    """
    rule = spec.rule.at_strength(layer.share_made_anew)
    return make_plan(mixture, spec.geometry, rule, asked)


def plan_layers(scene: Scene, asked: Asked) -> LayeredPlan:
    """The plans of all sounds of a scene.

    Raises:
        UsageError: for a duration or a stretch that is none.
        SceneError: for render options that no window of a model can meet.
        ModelError: for a model that is not here.
    """
    rate = scene.output.sample_rate
    first, end = asked.stretch(scene.duration_s, rate)
    specs = {layer.name: spec for layer, _, spec in with_models(scene)}
    sounds = []
    for layer in scene.sounds:
        mixture, spec = scene.mixture_of(layer), specs.get(layer.name)
        plan = None if spec is None else plan_for(spec, mixture, layer, asked)
        sounds.append(SoundPlan(layer, mixture, plan))
    heard_s = ENDLESS_PART_S if end is None else (end - first) / rate
    return LayeredPlan(scene, tuple(sounds), first / rate, heard_s, end is None)
