"""How sounds swell by themselves: gusts and surf, the ebb and flow that no scene writes down.

GPT-2 answers a prompt with the mean LOA of all that it may mean, and the mean of all gusts is no
gust: a sea that is told so lies still. So what windows are told moves a little around the scene's
curves, each state by as much and as slowly as the model says that its sounds do. When a gust comes
is drawn from the seed and the state's name, as a function of absolute time: windows that overlap
hear the same one. Windows are cut by the curves alone, and plans and pictures show these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ambientgen.curves import Constant, Wander
from ambientgen.prompts import Template
from ambientgen.world import FloatArray, state_values

if TYPE_CHECKING:
    from ambientgen.scene import Scene


@dataclass(frozen=True)
class Swell:
    """How a state's sounds move at a constant level: by up to `amount` of a level (0 to 1) to both
    sides, there and back in about `period_s` seconds; where the level is lower, by no more than it.
    """

    amount: float
    period_s: float


@dataclass(frozen=True)
class Swells:
    """What swells add to a scene: `scene` as its author wrote it, and by state how it swells."""

    scene: Scene
    by_state: Mapping[str, Swell]

    @cached_property
    def _drifts(self) -> Mapping[str, Wander]:
        """What moves each state that swells, by the scene's render option `swells` times as much.

        Of a level that is held past the scene's end too: gusts go on.
        """
        scene, asked = self.scene, self.scene.render.swells
        share = 1.0 if asked is None else asked
        loop_s = scene.duration_s if scene.loop else None
        found = {}
        for state in scene.states:
            swell = self.by_state.get(state.name)
            if swell is not None and share:
                amount, stream = share * swell.amount, f"swell of {state.name}"
                still = Constant(0.0)
                drift = Wander(still, amount, swell.period_s, scene.seed, stream, loop_s)
                found[state.name] = drift
        return found

    @cached_property
    def _template(self) -> Template:
        return Template.of(self.scene)

    def __bool__(self) -> bool:
        return bool(self._drifts)

    def values(self, times_s: FloatArray) -> FloatArray:
        """Levels of all states with their swells: shape (states, times), each 0 to 1."""
        values = state_values(self.scene, times_s)
        for row, state in zip(values, self.scene.states, strict=True):
            drift = self._drifts.get(state.name)
            if drift is not None:
                row += np.minimum(drift.amount, row) * drift.drift(times_s)
        return np.clip(values, 0.0, 1.0)

    def at(self, time_s: float) -> dict[str, float]:
        """What to add to the LOA of a moment: prompts with their weights, which sum to 0."""
        moment = np.array([time_s])
        weights: dict[str, float] = {}
        for values, sign in ((self.values(moment), 1.0), (state_values(self.scene, moment), -1.0)):
            for prompt, weight in self._template.blend(values[:, 0]):
                weights[prompt] = weights.get(prompt, 0.0) + sign * weight
        return {prompt: weight for prompt, weight in weights.items() if weight}

    def prompts(self, times_s: Iterable[float]) -> Iterable[str]:
        """All prompts that moments at these times need, each once."""
        if not self:
            return ()
        found = (prompt for time_s in times_s for prompt in self.at(time_s))
        return dict.fromkeys(found)
