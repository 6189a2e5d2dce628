"""The plan: one document, exact, and the same whether asked for a part or for all."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planning_scenes import POCKET, POCKET_RULE, drawn_scenes, scene, state

from ambientgen.asked import Asked
from ambientgen.curves import Curve
from ambientgen.errors import UsageError
from ambientgen.plan import Plan, make_plan
from ambientgen.scene import Scene
from ambientgen.state_values import FloatArray
from ambientgen.windows import WindowRule

GOLDEN = {
    "title": "Test",
    "start_s": 0.0,
    "duration_s": 20.0,
    "loop": False,
    "endless": False,
    "sample_rate": 16000,
    "seed": 3,
    "model": "pocket",
    "keyframes": [
        {
            "time_s": 0.0,
            "prompt": "light rain and a steady wind, a lake",
            "states": {"rain": 0.25, "wind": 0.6},
            "blend": [
                {"prompt": "light rain and a steady wind, a lake", "weight": 0.6},
                {"prompt": "light rain and strong wind, a lake", "weight": 0.4},
            ],
        },
        {
            "time_s": 10.0,
            "prompt": "light rain and a steady wind, a lake",
            "states": {"rain": 0.375, "wind": 0.6},
            "blend": [
                {"prompt": "light rain and a steady wind, a lake", "weight": 0.5},
                {"prompt": "steady rain and strong wind, a lake", "weight": 0.4},
                {"prompt": "steady rain and a steady wind, a lake", "weight": 0.1},
            ],
        },
        {
            "time_s": 20.0,
            "prompt": "light rain and a steady wind, a lake",
            "states": {"rain": 0.375, "wind": 0.6},
            "blend": [
                {"prompt": "light rain and a steady wind, a lake", "weight": 0.5},
                {"prompt": "steady rain and strong wind, a lake", "weight": 0.4},
                {"prompt": "steady rain and a steady wind, a lake", "weight": 0.1},
            ],
        },
    ],
    "windows": [
        {"index": 0, "start_s": 0.0, "end_s": 5.12, "silent": False},
        {"index": 1, "start_s": 3.84, "end_s": 8.96, "silent": False},
        {"index": 2, "start_s": 7.68, "end_s": 12.8, "silent": False},
        {"index": 3, "start_s": 11.52, "end_s": 16.64, "silent": False},
        {"index": 4, "start_s": 15.36, "end_s": 24.32, "silent": False},
        {
            "index": 5,
            "start_s": 23.04,
            "end_s": 32.0,
            "silent": False,
        },  # the decoder's last chunk is whole
    ],
    "notices": [],
}


def plan(subject: Scene, duration_s: float | None = None) -> Plan:
    return make_plan(subject, POCKET, POCKET_RULE, Asked(duration_s))


def small() -> Scene:
    return scene(20.0, state("rain", {0.0: 0.25, 10.0: 0.375}), state("wind", 0.6), seed=3)


def test_a_small_plan_is_exactly_this() -> None:
    assert json.loads(json.dumps(plan(small()).to_json())) == GOLDEN


@settings(max_examples=60, deadline=None)
@given(drawn_scenes(), st.floats(0.1, 1.0))
def test_a_crop_is_the_beginning_of_the_whole(subject: Scene, share: float) -> None:
    whole, crop = plan(subject), plan(subject, subject.duration_s * share)
    assert crop.windows == whole.windows[: len(crop.windows)]
    assert crop.keyframes == whole.keyframes[: len(crop.keyframes)]
    heard = crop.windows[-1].start_frame + crop.windows[-1].frames
    reach_s = crop.keyframes[-1].time_s
    assert reach_s == subject.duration_s or reach_s >= POCKET.seconds(heard)
    json.dumps(crop.to_json(), allow_nan=False)


def test_a_longer_render_holds_the_last_values() -> None:
    longer = plan(scene(60.0, state("rain", {0.0: 0.3, 60.0: 0.4})), 90.0)
    assert longer.duration_samples == 90 * 16000
    assert longer.total_frames == 1125
    assert longer.state_at(90.0).states == {"rain": 0.4}


def test_the_state_of_the_world_at_a_moment() -> None:
    moment = plan(small()).state_at(7.7)
    assert moment.to_json() == {
        "time_s": 7.7,
        "prompt": "light rain and a steady wind, a lake",
        "states": {"rain": 0.34625, "wind": 0.6},
        "words": {"rain": "light rain", "wind": "a steady wind"},
        "blend": [
            {"prompt": "light rain and a steady wind, a lake", "weight": 0.6},
            {"prompt": "steady rain and strong wind, a lake", "weight": 0.385},
            {"prompt": "light rain and strong wind, a lake", "weight": 0.015},
        ],
        "windows": [1, 2],
    }


@settings(max_examples=60, deadline=None)
@given(drawn_scenes(), st.integers(0, 3000), st.integers(1, 400))
def test_windows_touching_a_stretch(subject: Scene, start: int, count: int) -> None:
    whole = plan(subject)
    end = start + count
    touching = [
        w for w in whole.windows if w.start_frame < end and w.start_frame + w.frames > start
    ]
    assert list(whole.windows_touching(start, end)) == touching


@pytest.mark.parametrize("time_s", [-1.0, 20.1, float("nan")])
def test_a_moment_outside_the_scene_is_refused(time_s: float) -> None:
    with pytest.raises(UsageError, match="`0s` to `20s`"):
        plan(small()).state_at(time_s)


@pytest.mark.parametrize("duration_s", [0.0, -1.0, float("nan")])
def test_an_impossible_duration_is_refused(duration_s: float) -> None:
    with pytest.raises(UsageError, match="write a time such as"):
        plan(small(), duration_s)


def test_notices_name_the_state() -> None:
    (notice,) = plan(scene(60.0, state("rain", {20.0: 0.1, 21.0: 0.9, 22.0: 0.1}))).notices
    assert notice.startswith("rain moves faster at 21s ")


def test_ten_hours_are_planned_without_trouble() -> None:
    swell = state("waves", {0.0: 0.2, 4.0: 0.9}, repeat_s=9.0)
    subject = scene(36000.0, swell, state("wind", 0.5, wander=(0.2, 12.0)))
    begun = time.perf_counter()
    planned = plan(subject)
    assert time.perf_counter() - begun < 30.0
    assert planned.total_frames == 450_000
    # The last chunk of the decoder is whole: up to 8.3 s past the end.
    assert planned.windows[-1].start_frame < planned.total_frames + 104


def test_a_stretch_of_the_plan_is_a_part_of_the_whole() -> None:
    subject = scene(600.0, state("rain", {0.0: 0.1, 200.0: 0.9, 300.0: 0.2}))
    whole = plan(subject)
    part = make_plan(subject, POCKET, POCKET_RULE, Asked(None, (250.0, 260.0)))
    assert (part.start_s, part.duration_s) == (250.0, 10.0)
    first = part.windows[0].index
    assert part.windows == whole.windows[first : first + len(part.windows)]
    assert part.windows[0].start_frame * 0.08 <= 249.0 and part.windows[-1].start_frame > 3200
    times = [keyframe.time_s for keyframe in part.keyframes]
    assert times == [k.time_s for k in whole.keyframes if times[0] <= k.time_s <= times[-1]]
    assert times[0] <= part.windows[0].start_frame * 0.08
    assert part.state_at(250.0).states == whole.state_at(250.0).states


@pytest.mark.parametrize(
    ("between_s", "message"),
    [
        ((0.0, 601.0), "--to: `10m1s` lies past the end at 10m; write at most `10m`"),
        ((600.0, None), "--from: there is nothing between `10m` and `10m`"),
        ((30.0, 20.0), "--from: there is nothing between `30s` and `20s`"),
        ((5.0, 5.00001), "--from: there is no sample between `5s` and `5.00001s`"),
    ],
)
def test_a_stretch_outside_the_scene_is_refused(
    between_s: tuple[float | None, float | None], message: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        make_plan(scene(600.0, state("rain", 0.5)), POCKET, POCKET_RULE, Asked(None, between_s))


def endless() -> Scene:
    swell = state("waves", {0.0: 0.2, 4.0: 0.9}, repeat_s=9.0)
    rain = state("rain", {0.0: 0.1, 700.0: 0.9, 900.0: 0.3})
    return scene(float("inf"), swell, rain, state("wind", 0.5, wander=(0.2, 12.0)))


def test_an_endless_scene_is_planned_part_by_part() -> None:
    first, second, third = islice(plan(endless()).parts(), 3)
    assert first.endless and first.samples == (0, None)
    whole = plan(endless(), 1200.0)
    both = [*first.windows, *second.windows, *third.windows]
    pairs = [(w.start_frame, w.frames) for w in both]
    assert pairs[: len(whole.windows)] == [(w.start_frame, w.frames) for w in whole.windows]
    for part in (first, second, third):
        heard = POCKET.seconds(part.windows[-1].start_frame + part.windows[-1].frames)
        assert part.keyframes[0].time_s <= max(POCKET.seconds(part.windows[0].start_frame), 0)
        assert part.keyframes[-1].time_s >= heard
        own = {k.time_s: k.states for k in part.keyframes}
        shared = {k.time_s: k.states for k in whole.keyframes if k.time_s in own}
        assert shared == {time_s: own[time_s] for time_s in shared}


@pytest.mark.parametrize("start_s", [None, 250.0])
@pytest.mark.parametrize("time_s", [599.9, 600.0, 600.1, 1234.5, 500_000.0])
def test_any_moment_of_an_endless_scene_can_be_asked_for(
    time_s: float, start_s: float | None
) -> None:
    subject = make_plan(endless(), POCKET, POCKET_RULE, Asked(None, (start_s, None)))
    part, moment = subject.part_at(time_s), subject.state_at(time_s)
    assert part.start_s <= time_s <= part.start_s + part.duration_s and part.endless
    assert (part.start_s - subject.start_s) % 600 == 0
    around = make_plan(endless(), POCKET, POCKET_RULE, Asked(None, (time_s - 1, time_s + 60)))
    known = around.state_at(time_s)
    assert (moment.states, moment.blend) == (known.states, known.blend)
    frames = [(window.start_frame, window.frames) for window in moment.windows]
    assert frames == [(window.start_frame, window.frames) for window in known.windows]
    assert part.windows[0].start_frame * 0.08 > part.start_s - 60


def test_an_endless_scene_has_no_moment_before_it_begins_and_none_at_infinity() -> None:
    subject = make_plan(endless(), POCKET, POCKET_RULE, Asked(None, (250.0, None)))
    for time_s in (249.0, math.inf):
        with pytest.raises(UsageError, match="write a time from `4m10s` on"):
            subject.state_at(time_s)


def test_a_loop_that_never_ends_has_any_moment() -> None:
    wind = state("wind", {0.0: 0.2, 7.0: 0.9})
    looped = replace(wind, curve=wind.curve.looped(16.0))
    loop = replace(scene(16.0, looped), loop=True)
    once, on = plan(loop), plan(loop, math.inf)
    for time_s in (3.0, 11.0):
        near, far = once.state_at(time_s), on.state_at(time_s + 16.0 * 10_000)
        assert far.windows == near.windows
        assert far.states == pytest.approx(near.states)


def test_an_endless_scene_is_planned_anywhere_in_no_time() -> None:
    late = make_plan(endless(), POCKET, POCKET_RULE, Asked(None, (360_000.0, 360_060.0)))
    assert late.windows[0].start_frame * 0.08 > 359_900
    assert len(late.keyframes) < 5000 and not late.endless
    json.dumps(late.to_json(), allow_nan=False)


@settings(max_examples=40)
@given(st.integers(4_000, 100_000).map(lambda ms: ms / 1000), drawn_scenes())
def test_a_loops_windows_close_it(duration_s: float, drawn: Scene) -> None:
    subject = replace(
        drawn,
        duration_s=duration_s,
        loop=True,
        states=tuple(replace(s, curve=s.curve.looped(duration_s)) for s in drawn.states),
    )
    planned = plan(subject)
    assert planned.loop is not None
    ordered = sorted(planned.windows, key=lambda window: window.start_frame)
    assert [w.index for w in ordered] == list(range(len(ordered)))
    assert sum(window.core_frames for window in ordered) == planned.loop.frames
    assert all(w.frames % POCKET_RULE.multiple == 0 for w in ordered)
    assert all(w.core_frames + POCKET_RULE.overlap <= w.frames for w in ordered)
    assert min(w.frames for w in ordered) >= 24 + 8
    assert max(w.frames for w in ordered) <= 96 + 8 + 24
    assert abs(planned.loop.made_samples - planned.loop.samples) <= 1280
    assert planned.duration_samples == planned.loop.samples
    assert planned.state_at(planned.duration_s).states == planned.state_at(0.0).states


@settings(max_examples=60)
@given(
    st.integers(4_000, 30_000).map(lambda ms: ms / 1000),
    drawn_scenes(),
    st.sampled_from([((24, 48, 96), 24), ((16, 32, 64), 16), ((20,), 20), ((40,), 32)]),
)
def test_never_more_than_two_windows_of_a_loop_sound(
    duration_s: float, drawn: Scene, lengths: tuple[tuple[int, ...], int]
) -> None:
    """However long they overlap, and whatever the loop's length leaves over for the last."""
    looped = tuple(replace(s, curve=s.curve.looped(duration_s)) for s in drawn.states)
    subject = replace(drawn, duration_s=duration_s, loop=True, states=looped)
    planned = make_plan(subject, POCKET, WindowRule(*lengths, 4))
    assert planned.loop is not None
    ordered = sorted(planned.windows, key=lambda window: window.start_frame)
    starts = [window.start_frame for window in ordered]
    starts += [start + planned.loop.frames for start in starts]
    for index, window in enumerate(ordered):
        if len(ordered) > 1:
            assert window.start_frame + window.frames <= starts[index + 2]
        assert window.core_frames <= window.frames < 2 * planned.loop.frames


@pytest.mark.parametrize("multiple", [4, 8, 16])
def test_what_a_loop_leaves_over_of_the_shortest_windows_joins_the_last(multiple: int) -> None:
    """Half of a window of little more than one multiple would be none."""
    rain = state("rain", {0.0: 0.5})
    subject = scene(8.48, rain, loop=True)  # 106 latent frames
    planned = make_plan(subject, POCKET, WindowRule((multiple,), multiple, multiple))
    ordered = sorted(planned.windows, key=lambda window: window.start_frame)
    last = multiple + 106 % multiple
    assert [w.core_frames for w in ordered] == [multiple] * (len(ordered) - 1) + [last]
    assert sum(window.core_frames for window in ordered) == 106


def test_a_jump_where_a_loop_starts_again_is_told() -> None:
    rain = state("rain", {0.0: 0.1, 60.0: 0.9})
    assert rain.curve.looped(60.0) is rain.curve
    (notice,) = plan(scene(60.0, rain, loop=True)).notices
    assert notice.startswith("rain jumps from 0.90 to 0.10 where the loop starts again")
    closed = replace(rain, curve=state("rain", {0.0: 0.1, 40.0: 0.2}).curve.looped(60.0))
    assert plan(scene(60.0, closed, loop=True)).notices == ()


@dataclass(frozen=True)
class Watched(Curve):
    """A curve that notes how far it is looked at."""

    base: Curve
    looks_s: list[float]

    def at(self, times_s: FloatArray) -> FloatArray:
        self.looks_s.append(float(times_s.max(initial=0.0)))
        return self.base.at(times_s)

    def bends_s(self, duration_s: float) -> tuple[float, ...]:
        self.looks_s.append(duration_s)
        return self.base.bends_s(duration_s)

    def steps_s(self, duration_s: float) -> tuple[float, ...]:
        self.looks_s.append(duration_s)
        return self.base.steps_s(duration_s)

    def sounding_s(self, duration_s: float) -> Iterator[tuple[float, float]]:
        self.looks_s.append(duration_s)
        return self.base.sounding_s(duration_s)

    def to_json(self) -> dict[str, Any]:
        return self.base.to_json()


def test_a_crop_is_planned_without_a_look_at_the_rest() -> None:
    day = scene(86_400.0, state("wind", {0.0: 0.2, 4.0: 0.9}, repeat_s=9.0))
    looks_s: list[float] = []
    watched = replace(day.states[0], curve=Watched(day.states[0].curve, looks_s))
    crop = plan(replace(day, states=(watched,)), 5.0)
    assert 5.0 < max(looks_s) < 60.0
    assert crop.keyframes == plan(day, 600.0).keyframes[: len(crop.keyframes)]


def test_a_plan_of_many_hours_is_light() -> None:
    hours = 4
    swell = state("waves", {0.0: 0.2, 4.0: 0.9}, repeat_s=9.0)
    drifting = [state(n, 0.5, wander=(0.2, 12.0)) for n in ("wind", "rain", "birds", "crickets")]
    subject = scene(hours * 3600.0, swell, *drifting)
    plan(subject, 5.0)  # what the first plan of a process imports and keeps is not the plan's
    tracemalloc.start()
    try:
        planned = plan(subject)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(planned.keyframes) > 15_000
    assert kept < hours * 1.0e6


def test_planning_needs_no_torch() -> None:
    look = "import sys, ambientgen.plan; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


def test_an_endless_scene_tells_what_its_first_part_cannot_follow() -> None:
    peaks = state("rain", {0.0: 0.2, 19.0: 0.2, 20.0: 0.9, 21.0: 0.2}, repeat_s=48.0)
    endless = plan(scene(math.inf, peaks))
    (notice,) = endless.notices
    assert notice.startswith("rain moves faster at 20s (the worst of ")
    assert (notice,) == plan(scene(math.inf, peaks), 600.0).notices
    _, second = islice(endless.parts(), 2)
    assert second.notices == ()
