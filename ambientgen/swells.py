"""How sounds swell by themselves: gusts and surf, the ebb and flow that no scene writes down.

GPT-2 answers a prompt with the mean LOA of all that it may mean, and the mean of all gusts is no
gust: a sea that is told so lies still. So what windows are told moves a little around the scene's
curves, each state by as much and as slowly as the model says that its sounds do. When a gust comes
is drawn from the seed and the state's name, as a function of absolute time: windows that overlap
hear the same one. Windows are cut by the curves alone, and plans and pictures show these.

What a sound does between, untold, comes of the slow part of the noise that it is made of: a model
may make rooms too restless and thunder too calm, and says by how much to make up for it (`unrest`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ambientgen.curves import Constant, Wander
from ambientgen.prompts import Template
from ambientgen.state_values import FloatArray, state_values

if TYPE_CHECKING:
    from ambientgen.scene import Scene

# Of a wave: how many turns its phase wanders to both sides, by how much its height may fall, and
# how many times slower than itself both do. Tried, not searched for.
PHASE, UNEVEN, SLOWER = 0.5, 0.6, 3.0
# The level from which on a state swells in full. Towards silence a level means ever more decibels:
# rain at 0.15 that swells by 0.1 comes and goes.
FULL = 0.5
# To both sides of a moment, s, weighed as a triangle: of what goes there and back in 2 s the slow
# part of noise holds half, of 1 s 2 %. Half as long, it steadies a bit more, and frogs lose calls.
UNREST_S = 0.8


@dataclass(frozen=True)
class Swell:
    """How a state's sounds move at a constant level: by up to `amount` of a level (0 to 1) to both
    sides, there and back in about `period_s` seconds. Below the level `FULL` by less, evenly.
    """

    amount: float
    period_s: float


@dataclass(frozen=True)
class Wave:
    """A swell's course in [-1, 1]: a cosine whose phase and height wander.

    There and back in `period_s`, so that over longer stretches it means nothing, and a curve is
    followed as if there were none. In a loop of `loop_s` it closes: a whole number of turns.
    """

    period_s: float
    seed: int
    stream: str
    loop_s: float | None = None

    def at(self, times_s: FloatArray) -> FloatArray:
        """Its values, of the shape of `times_s`."""
        phase, height = (drift.drift(times_s) for drift in self._drifts)
        turns = np.asarray(times_s, np.float64) / self._turn_s + self._start + PHASE * phase
        height = 1.0 - UNEVEN * (1.0 + height) / 2.0
        return np.asarray(height * np.cos(2.0 * np.pi * turns))

    @property
    def _turn_s(self) -> float:
        if self.loop_s is None:
            return self.period_s
        return self.loop_s / max(1, round(self.loop_s / self.period_s))

    @cached_property
    def _drifts(self) -> tuple[Wander, Wander]:
        """What phase and height wander by."""
        return self._drift("phase"), self._drift("height")

    @cached_property
    def _start(self) -> float:
        """Where in its turn it begins: states of one period do not swell together."""
        return float(self._drift("start").drift(np.zeros(1))[0])

    def _drift(self, what: str) -> Wander:
        stream, slow_s = f"{self.stream} {what}", SLOWER * self.period_s
        return Wander(Constant(0.0), 1.0, slow_s, self.seed, stream, self.loop_s)


@dataclass(frozen=True)
class Swells:
    """What swells add to a scene: `scene` as its author wrote it, and by state how it swells."""

    scene: Scene
    by_state: Mapping[str, Swell]

    @cached_property
    def _waves(self) -> Mapping[str, tuple[float, Wave]]:
        """How far each state that swells moves, by the scene's render option `swells` times as
        much, and when. Past the scene's end, where a level is held, gusts go on."""
        scene, asked = self.scene, self.scene.render.swells
        share = 1.0 if asked is None else asked
        loop_s = scene.duration_s if scene.loop else None
        return {
            name: (
                share * swell.amount,
                Wave(swell.period_s, scene.seed, f"swell of {name}", loop_s),
            )
            for name, swell in self.by_state.items()
            if share and any(state.name == name for state in scene.states)
        }

    @cached_property
    def _template(self) -> Template:
        return Template.of(self.scene)

    def __bool__(self) -> bool:
        return bool(self._waves)

    def values(self, times_s: FloatArray) -> FloatArray:
        """Levels of all states with their swells: shape (states, times), each 0 to 1."""
        values = state_values(self.scene, times_s)
        for row, state in zip(values, self.scene.states, strict=True):
            if state.name in self._waves:
                amount, wave = self._waves[state.name]
                most = np.minimum(1.0, row / FULL) * amount
                row += np.minimum(most, row) * wave.at(times_s)
        return np.clip(values, 0.0, 1.0)

    def at(self, times_s: Sequence[float]) -> list[dict[str, float]]:
        """What to add to the LOA of each moment: prompts with their weights, which sum to 0."""
        if not self:
            return [{} for _ in times_s]
        moments = np.array(times_s, np.float64)
        both = zip(self.values(moments).T, state_values(self.scene, moments).T, strict=True)
        return [self._added(swelling, still) for swelling, still in both]

    def _added(self, swelling: FloatArray, still: FloatArray) -> dict[str, float]:
        """What leads from the LOA of some levels (states,) to that of others."""
        weights = dict(self._template.blend(swelling))
        for prompt, weight in self._template.blend(still):
            weights[prompt] = weights.get(prompt, 0.0) - weight
        return {prompt: weight for prompt, weight in weights.items() if weight}

    def prompts(self, times_s: Iterable[float]) -> Iterable[str]:
        """All prompts that moments at these times need, each once."""
        moments = np.array(list(times_s) if self else [], np.float64)
        both = self.values(moments), state_values(self.scene, moments)
        return dict.fromkeys(prompt for v in both for prompt in self._template.prompts(v))


def unrest_of(scene: Scene, by_state: Mapping[str, float]) -> float:
    """How much of its slow part the noise of a scene's windows keeps, 1 being all: the mean over
    the scene's states of what a model says of each (1: nothing). Below 1 the scene's render option
    `swells` takes its share of that; above, it adds as much of what white noise has, so that what
    a model keeps quite steady can be asked to move."""
    shares = [by_state.get(state.name, 1.0) for state in scene.states]
    own = sum(shares) / len(shares) if shares else 1.0
    asked = 1.0 if scene.render.swells is None else scene.render.swells
    return own * asked if asked <= 1.0 else own + (asked - 1.0)
