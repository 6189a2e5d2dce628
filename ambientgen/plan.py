"""The whole render as one document: what is said when, and in which windows, before any sound."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ambientgen.errors import Problem, UsageError
from ambientgen.keyframes import Keyframe, Keyframes, place_keyframes
from ambientgen.prompts import Blend, Template
from ambientgen.scene.durations import spell
from ambientgen.windows import Window, WindowRule, cut_timeline, fitted_rule, rushes
from ambientgen.world import state_values

if TYPE_CHECKING:
    from ambientgen.scene import Scene
    from ambientgen.units import Geometry

_DECIMALS = 6  # of a printed number: a microsecond, a grain of a level


@dataclass(frozen=True)
class Moment:
    """The state of the scene's world at one time: what `plan --at` answers.

    `states` are the values, `words` the level words nearest to them (None: not heard), `blend` the
    prompts that say the values, `windows` those that sound.
    """

    time_s: float
    states: dict[str, float]
    words: dict[str, str | None]
    blend: Blend
    windows: tuple[Window, ...]

    @property
    def prompt(self) -> str:
        """The heaviest prompt of the blend."""
        return self.blend[0][0]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; windows by their index."""
        return {
            "time_s": _number(self.time_s),
            "prompt": self.prompt,
            "states": {name: _number(value) for name, value in self.states.items()},
            "words": dict(self.words),
            "blend": _blend_json(self.blend),
            "windows": [window.index for window in self.windows],
        }


@dataclass(frozen=True)
class Plan:
    """Everything a render will do, decided.

    `windows` cover latent frames 0 to `total_frames` core by core; the sound is `duration_samples`
    long. `keyframes` reach to the end of the last window or of the scene, whichever comes first,
    so that a crop is the beginning of the whole. `rule` is the model's, fitted to the scene's
    render options. `notices` say what the model cannot follow.
    """

    scene: Scene
    geometry: Geometry
    rule: WindowRule
    keyframes: Keyframes
    windows: tuple[Window, ...]
    total_frames: int
    duration_samples: int
    notices: tuple[str, ...]

    @property
    def duration_s(self) -> float:
        """Length of the sound in seconds."""
        return self.duration_samples / self.geometry.sample_rate

    @cached_property
    def _starts(self) -> list[int]:
        return [window.start_frame for window in self.windows]

    def windows_touching(self, start_frame: int, end_frame: int) -> tuple[Window, ...]:
        """The windows that sound anywhere in frames `start_frame` to `end_frame` (not included)."""
        first = bisect.bisect_right(self._starts, start_frame - self.rule.overlap) - 1
        last = bisect.bisect_left(self._starts, end_frame)
        found = self.windows[max(first, 0) : last]
        return tuple(w for w in found if w.start_frame + w.frames > start_frame)

    def state_at(self, time_s: float) -> Moment:
        """The state of the world at `time_s`.

        Raises:
            UsageError: for a time before 0 or past the plan's end.
        """
        if not 0.0 <= time_s <= self.duration_s:
            what = f"the scene has no moment {time_s:g} s"
            remedy = f"write a time from `0s` to `{spell(self.duration_s)}`"
            raise UsageError(Problem("--at", what, remedy))
        values = state_values(self.scene, np.array([time_s]))[:, 0]
        template = Template.of(self.scene)
        names = [state.name for state in self.scene.states]
        words = template.words(template.nearest(values))
        frame = min(int(time_s * self.geometry.frames_per_second), self.total_frames - 1)
        return Moment(
            float(time_s),
            dict(zip(names, values.tolist(), strict=True)),
            dict(zip(names, words, strict=True)),
            template.blend(values),
            self.windows_touching(frame, frame + 1),
        )

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; what `ambientgen plan --json` prints.

        Times are seconds; a window lasts from its first frame to the end of its overlap, or of the
        sound.
        """
        return {
            "title": self.scene.title,
            "duration_s": _number(self.duration_s),
            "sample_rate": self.geometry.sample_rate,
            "seed": self.scene.seed,
            "model": self.scene.model,
            "keyframes": [_keyframe_json(keyframe) for keyframe in self.keyframes],
            "windows": [self._window_json(window) for window in self.windows],
            "notices": list(self.notices),
        }

    def _window_json(self, window: Window) -> dict[str, Any]:
        end_s = self.geometry.seconds(window.start_frame + window.frames)
        return {
            "index": window.index,
            "start_s": _number(self.geometry.seconds(window.start_frame)),
            "end_s": _number(min(end_s, self.duration_s)),
        }


def make_plan(
    scene: Scene, geometry: Geometry, rule: WindowRule, duration_s: float | None = None
) -> Plan:
    """Decide everything about rendering `scene` with a model of that geometry and window rule.

    `duration_s` crops the scene, or holds its last values up to that time.

    Raises:
        UsageError: for a duration that is not a positive number of seconds.
        SceneError: for render options that no window of the model can meet.
    """
    length_s = scene.duration_s if duration_s is None else duration_s
    if not (math.isfinite(length_s) and geometry.samples(length_s) > 0):
        problem = f"`{length_s}` is no duration"
        raise UsageError(Problem("--duration", problem, "write a time such as `90s` or `5m`"))
    rule = fitted_rule(rule, scene, geometry)
    total_frames = geometry.frames_covering(length_s)
    cut = cut_timeline(scene, geometry, rule, total_frames)
    windows = cut.windows(rule)
    heard_s = geometry.seconds(windows[-1].start_frame + windows[-1].frames)
    return Plan(
        scene,
        geometry,
        rule,
        place_keyframes(scene, max(length_s, scene.duration_s), heard_s),
        windows,
        total_frames,
        geometry.samples(length_s),
        tuple(map(str, rushes(scene, geometry, rule, cut))),
    )


def _keyframe_json(keyframe: Keyframe) -> dict[str, Any]:
    return {
        "time_s": _number(keyframe.time_s),
        "prompt": keyframe.prompt,
        "states": {name: _number(value) for name, value in keyframe.states.items()},
        "blend": _blend_json(keyframe.blend),
    }


def _blend_json(blend: Blend) -> list[dict[str, Any]]:
    return [{"prompt": prompt, "weight": _number(weight)} for prompt, weight in blend]


def _number(value: float) -> float:
    return round(value, _DECIMALS)
