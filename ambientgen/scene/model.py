"""The scene as the rest of the house sees it: everything filled in, nothing left to decide."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ambientgen.curves import Curve, FloatArray

LEAST_TOLD_S = 60.0
"""So much of a scene without end is told, even where nothing ever changes."""


@dataclass(frozen=True, kw_only=True)
class State:
    """One sound of the scene.

    Attributes:
        name: its name in the file.
        curve: its level over time.
        levels: words for evenly spaced levels from 0 to 1, at least two; None (only first) is
            silence, left out of prompts.
        plain: a noun phrase for the sound at any level; the name if left out.
    """

    name: str
    curve: Curve
    levels: tuple[str | None, ...]
    plain: str = ""

    def __post_init__(self) -> None:
        if not self.plain:
            object.__setattr__(self, "plain", self.name.replace("_", " "))

    def value(self, times_s: FloatArray) -> FloatArray:
        """Levels in [0, 1], float64, of the shape of `times_s` (seconds from the scene's start)."""
        return self.curve.at(times_s)

    def bends_s(self, duration_s: float) -> tuple[float, ...]:
        """Sorted moments inside (0, `duration_s`) where the slope changes abruptly or it jumps."""
        return self.curve.bends_s(duration_s)

    def steps_s(self, duration_s: float) -> tuple[float, ...]:
        """Sorted moments inside (0, `duration_s`) where the level jumps, as the author wished."""
        return self.curve.steps_s(duration_s)


@dataclass(frozen=True, kw_only=True)
class KeyframeRule:
    """Where keyframes stand: every so many seconds, or (None) as often as the curves need."""

    every_s: float | None = None


SchedulerName = Literal[
    "DDIMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "PNDMScheduler",
    "UniPCMultistepScheduler",
]
"""The diffusers schedulers that draw no noise of their own, so that windows agree."""


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """How the model renders; None is the model's own default. Times in seconds."""

    window_s: float | None = None
    overlap_s: float | None = None
    steps: int | None = None
    guidance: float | None = None
    negative_prompt: str | None = None
    interpolation: Literal["linear", "spherical"] | None = None
    scheduler: SchedulerName | None = None


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """The sound file."""

    format: Literal["wav", "flac"] = "wav"
    sample_rate: int = 16000


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a place sounds like over time; a value: hashable, and equal if all of it is equal.

    `duration_s` is infinite of a scene without end. In a `loop` the end leads back to the start;
    its curves come again after `duration_s`.
    """

    title: str
    duration_s: float
    loop: bool = False
    seed: int = 0
    setting: str = ""
    states: tuple[State, ...]
    keyframes: KeyframeRule = KeyframeRule()
    model: str = "pocket"
    render: RenderOptions = RenderOptions()
    output: OutputOptions = OutputOptions()

    @property
    def endless(self) -> bool:
        """It never ends."""
        return math.isinf(self.duration_s)

    @property
    def told_s(self) -> float:
        """A time after which nothing new comes: the end, or the last point and some turns."""
        if not self.endless:
            return self.duration_s
        return max(LEAST_TOLD_S, *(state.curve.told_s for state in self.states))

    def with_seed(self, seed: int) -> Scene:
        """Another take of the scene: also the curves' wandering changes.

        Raises:
            ValueError: `seed` is not in 0…2^63 - 1.
        """
        if not 0 <= seed < 2**63:
            raise ValueError(f"a seed must be a whole number from 0 to 2^63 - 1, not {seed}")
        states = tuple(replace(state, curve=state.curve.reseeded(seed)) for state in self.states)
        return replace(self, seed=seed, states=states)

    def to_json(self) -> dict[str, Any]:
        """The scene as plain dicts, lists and scalars, everything resolved; always the same."""
        return {
            "title": self.title,
            "duration_s": None if self.endless else self.duration_s,
            "loop": self.loop,
            "seed": self.seed,
            "setting": self.setting,
            "states": [
                {
                    "name": state.name,
                    "plain": state.plain,
                    "levels": list(state.levels),
                    "curve": state.curve.to_json(),
                }
                for state in self.states
            ],
            "keyframes": asdict(self.keyframes),
            "model": self.model,
            "render": asdict(self.render),
            "output": asdict(self.output),
        }
