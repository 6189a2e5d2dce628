"""The whole render as one document: what is said when, and in which windows, before any sound."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ambientgen.asked import AS_WRITTEN, Asked, check_moment
from ambientgen.keyframes import Keyframe, Keyframes, place_keyframes
from ambientgen.prompts import Blend, Template
from ambientgen.rushes import joints, rushes
from ambientgen.state_values import state_values
from ambientgen.stretch import Reach, reach_of
from ambientgen.units import Loop
from ambientgen.windows import (
    Cut,
    Window,
    WindowRule,
    cut_blocks,
    cut_loop,
    cut_timeline,
    fitted_rule,
    fitted_to_cut,
    fitted_to_loop,
    turns,
)

if TYPE_CHECKING:
    from ambientgen.scene import Scene
    from ambientgen.stream import Stretch
    from ambientgen.units import Geometry

ENDLESS_PART_S = 600.0
"""A scene without end is planned so much at a time."""

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

    The sound is the `duration_samples` from `start_sample` on, and ends in latent frame
    `total_frames`; `heard` are the samples that what follows in the chain hears of it (None: just
    those). `windows` are all that decoding and levelling them takes: some more on both sides, so
    that any stretch sounds as it does in the whole. `keyframes` reach from the first of them to the
    end of the last, or of the scene. `rule` is the model's, fitted to the scene's render options;
    `geometry` the model's, stretched in a loop. `notices` say what the model cannot follow.

    In a `loop`, windows and keyframes are those of one turn, its windows in the order in which they
    are first heard. Of a scene without end, if no end was given, this is the plan of the first
    stretch: it is `endless`, and `parts` goes on.
    """

    scene: Scene
    geometry: Geometry
    rule: WindowRule
    keyframes: Keyframes
    windows: tuple[Window, ...]
    total_frames: int
    duration_samples: int
    notices: tuple[str, ...]
    start_sample: int = 0
    loop: Loop | None = None
    endless: bool = False
    heard: Stretch | None = None

    @property
    def start_s(self) -> float:
        """When the sound begins, in seconds of the scene."""
        return self.start_sample / self.geometry.sample_rate

    @property
    def samples(self) -> Stretch:
        """First sample, and the one after the last; None: it never ends."""
        end = None if self.endless else self.start_sample + self.duration_samples
        return self.start_sample, end

    @property
    def heard_samples(self) -> Stretch:
        """The same with what is heard around them."""
        return self.samples if self.heard is None else self.heard

    @cached_property
    def reach(self) -> Reach:
        """What is needed of the model's sound."""
        return reach_of(self.heard_samples, self.geometry, self.loop)

    @property
    def made_latents(self) -> tuple[int, int | None]:
        """Latent frames in which all windows sound that what is decoded is made of."""
        around = max(self.rule.levelled_frames - self.rule.overlap // 2, 0)
        return self.reach.latents_within(around)

    def parts(self) -> Iterator[Plan]:
        """This plan; of an endless scene then, for ever, what follows it, without notices.

        A loop goes round in its first plan.
        """
        plan = self
        yield plan
        while self.endless and self.loop is None:
            plan = _following(plan)
            yield plan

    def part_at(self, time_s: float) -> Plan:
        """This plan; of an endless scene the part, without notices, that holds a time after it."""
        if not self.endless or time_s <= self._end_s:
            return self
        parts = int((time_s - self.start_s) // ENDLESS_PART_S)
        start = self.start_sample + parts * self.geometry.samples(ENDLESS_PART_S)
        part = replace(_beginning(self, start), heard=None)
        return part if self.loop is not None else _endless_part(part, _first_block(part))

    @property
    def duration_s(self) -> float:
        """Length of the sound in seconds."""
        return self.duration_samples / self.geometry.sample_rate

    @cached_property
    def _starts(self) -> list[int]:
        return [window.start_frame for window in self.windows]

    def windows_touching(self, start_frame: int, end_frame: int) -> tuple[Window, ...]:
        """The windows that sound anywhere in frames `start_frame` to `end_frame` (not included)."""
        if self.loop is not None:
            around = turns(self.windows, self.loop.frames, start_frame, end_frame)
            return tuple(dict.fromkeys(window for _, window in around))
        first = bisect.bisect_right(self._starts, start_frame - self.rule.overlap) - 1
        last = bisect.bisect_left(self._starts, end_frame)
        found = self.windows[max(first, 0) : last]
        return tuple(w for w in found if w.start_frame + w.frames > start_frame)

    def is_silent(self, frame: int) -> bool:
        """Whether nothing is rendered at a frame that a window covers."""
        if self.loop is not None:
            return not self._rendered[frame % self.loop.frames]
        return all(window.silent for window in self.windows_touching(frame, frame + 1))

    @cached_property
    def _rendered(self) -> NDArray[np.bool_]:
        """Of a loop's frames, whether a window is rendered there: hours have thousands of both."""
        assert self.loop is not None
        found = np.zeros(self.loop.frames, dtype=bool)
        for window in self.windows:
            if not window.silent:
                played = np.arange(window.start_frame, window.start_frame + window.frames)
                found[played % self.loop.frames] = True
        return found

    @cached_property
    def sounding(self) -> tuple[Window, ...]:
        """The windows that are heard in the sound itself; `windows` are some more beside them."""
        per_s = self.geometry.frames_per_second
        first, end = self.start_s * per_s, self._end_s * per_s
        # Rounded: a sound that ends just where a window begins may not hear it by a rounding error.
        return self.windows_touching(math.floor(round(first, 6)), math.ceil(round(end, 6)))

    @property
    def _end_s(self) -> float:
        return self.start_s + self.duration_s

    def state_at(self, time_s: float) -> Moment:
        """The state of the world at `time_s`.

        Raises:
            UsageError: for a time before the plan's start or past its end.
        """
        check_moment(time_s, (self.start_s, math.inf if self.endless else self._end_s))
        part = self.part_at(time_s)
        values = state_values(self.scene, np.array([time_s]))[:, 0]
        template = Template.of(self.scene)
        names = [state.name for state in self.scene.states]
        words = template.words(template.nearest(values))
        frame = min(int(time_s * self.geometry.frames_per_second), part.total_frames - 1)
        return Moment(
            float(time_s),
            dict(zip(names, values.tolist(), strict=True)),
            dict(zip(names, words, strict=True)),
            template.blend(values),
            part.windows_touching(frame, frame + 1),
        )

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; what `ambientgen plan --json` prints.

        Times are seconds of the scene; a window lasts from its first frame to the end of its
        overlap, which in a loop may be past the loop's end. Of an endless scene it is the first
        stretch.
        """
        return {
            "title": self.scene.title,
            "start_s": _number(self.start_s),
            "duration_s": _number(self.duration_s),
            "loop": self.loop is not None,
            "endless": self.endless,
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
            "end_s": _number(end_s),
            "silent": window.silent,
        }


def make_plan(
    scene: Scene,
    geometry: Geometry,
    rule: WindowRule,
    asked: Asked = AS_WRITTEN,
    heard: Stretch | None = None,
) -> Plan:
    """Decide everything about rendering `scene` with a model of that geometry and window rule.

    Args:
        asked: a length instead of the scene's own, and a stretch of it.
        heard: the samples that are heard, where those asked for are made of more than themselves:
            the first, and the one after the last. Without a loop none lies before 0; without an
            end they have none.

    Raises:
        UsageError: for a duration or a stretch that is none.
        SceneError: for render options that no window of the model can meet.
    """
    first, end = asked.stretch(scene.duration_s, geometry.sample_rate)
    endless = end is None
    end = first + geometry.samples(ENDLESS_PART_S) if end is None else end
    rule = fitted_rule(rule, scene, geometry)
    per_frame = geometry.samples_per_frame
    unplaced = Keyframes((), Template.of(scene), np.empty(0), np.empty((0, 0)))
    total = -(-end // per_frame)
    plan = Plan(scene, geometry, rule, unplaced, (), total, end - first, (), first, endless=endless)
    plan = replace(plan, heard=heard)
    if scene.loop:
        return _loop_plan(plan)
    if endless:
        return _endless_part(plan, _first_block(plan), tells=True)
    cut = cut_timeline(scene, geometry, rule, plan.made_latents[1] or 0)
    windows = cut.windows(rule, *plan.reach.latents)
    heard_s = geometry.seconds(windows[-1].start_frame + windows[-1].frames)
    from_s = geometry.seconds(max(windows[0].start_frame, 0))
    whole_s = max(asked.length_s(scene.duration_s), scene.duration_s)
    return replace(
        plan,
        keyframes=place_keyframes(scene, whole_s, heard_s, from_s),
        windows=windows,
        notices=_rushes(plan, cut),
    )


def _loop_plan(plan: Plan) -> Plan:
    """The plan of a loop, or of a stretch of it, of which `plan` knows the samples."""
    scene = plan.scene
    loop = Loop.of(plan.geometry.samples(scene.duration_s), plan.geometry)
    geometry = replace(plan.geometry, stretch=loop.samples / loop.made_samples)
    rule = fitted_to_loop(plan.rule, loop.frames)
    cut = cut_loop(scene, geometry, rule, loop.frames)
    rule = fitted_to_cut(rule, cut)
    end = plan.start_sample + plan.duration_samples
    plan = replace(
        plan,
        geometry=geometry,
        rule=rule,
        total_frames=math.ceil(end / loop.samples * loop.frames),
        loop=loop,
        keyframes=place_keyframes(scene),
    )
    whole = cut.windows(rule)
    first, last = plan.made_latents
    last = first + loop.frames if last is None else min(last, first + loop.frames)
    heard = dict.fromkeys(window for _, window in turns(whole, loop.frames, first, last))
    told = [*joints(scene), *map(str, rushes(scene, geometry, rule, cut))]
    return replace(plan, windows=tuple(heard), notices=tuple(told))


def _first_block(plan: Plan) -> int:
    """The block of windows with which a part of an endless scene begins."""
    return max(plan.made_latents[0] // plan.rule.cores[-1] - 1, 0)


def _rushes(plan: Plan, cut: Cut) -> tuple[str, ...]:
    """What windows cannot follow in the sound itself."""
    heard = plan.start_sample // plan.geometry.samples_per_frame, plan.total_frames
    return tuple(map(str, rushes(plan.scene, plan.geometry, plan.rule, cut, heard)))


def _endless_part(plan: Plan, first_block: int, *, tells: bool = False) -> Plan:
    """The stretch of an endless scene from a block of windows on, up to the plan's end; `tells`:
    with its notices."""
    scene, geometry, rule = plan.scene, plan.geometry, plan.rule
    longest = rule.cores[-1]
    samples = 0, plan.start_sample + plan.duration_samples
    end_frame = replace(plan, heard=samples, endless=False).made_latents[1] or 0
    blocks = -(-end_frame // longest) - first_block
    cut = cut_blocks(scene, geometry, rule, first_block, blocks)
    # Windows are counted in shortest cores: nobody counted those before.
    windows = tuple(
        replace(window, index=window.start_frame // rule.cores[0]) for window in cut.windows(rule)
    )
    return replace(
        plan,
        windows=windows,
        notices=_rushes(plan, cut) if tells else (),
        keyframes=place_keyframes(
            scene,
            None,
            geometry.seconds(windows[-1].start_frame + windows[-1].frames),
            geometry.seconds(max(windows[0].start_frame, 0)),
        ),
    )


def _following(plan: Plan) -> Plan:
    """What comes after a part of an endless scene."""
    last = plan.windows[-1]
    block = (last.start_frame + last.core_frames) // plan.rule.cores[-1]
    return _endless_part(_beginning(plan, plan.start_sample + plan.duration_samples), block)


def _beginning(plan: Plan, start: int) -> Plan:
    """A part of an endless scene from a sample on, with the windows and keyframes of `plan`."""
    length = plan.geometry.samples(ENDLESS_PART_S)
    end, loop = start + length, plan.loop
    total = -(-end // plan.geometry.samples_per_frame)
    if loop is not None:
        total = math.ceil(end / loop.samples * loop.frames)
    plan = replace(plan, start_sample=start, duration_samples=length, total_frames=total)
    return replace(plan, notices=())


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
