"""What no window can follow is told: held against what levelled windows make of averages."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from planning_scenes import POCKET, POCKET_RULE, drawn_scenes, scene, state

from ambientgen.crossfade import join_windows
from ambientgen.levelling import levelled
from ambientgen.rushes import OFF_BOUND, Rush, rushes
from ambientgen.scene import RenderOptions, Scene, State
from ambientgen.state_values import FloatArray, jumps_s, state_values
from ambientgen.windows import WindowRule, cut_loop, cut_timeline, fitted_rule


def told(
    subject: Scene, rule: WindowRule = POCKET_RULE, heard: tuple[int, int] | None = None
) -> tuple[Rush, ...]:
    total = POCKET.frames_covering(subject.duration_s)
    cut = cut_timeline(subject, POCKET, rule, total)
    return rushes(subject, POCKET, rule, cut, heard)


def heard_off(subject: Scene, one: State) -> FloatArray:
    """By how much a state is off, by latent frame, where windows hold just its average and are
    levelled and joined as those of a render are; 0 where a jump lies in a window that is heard."""
    total = POCKET.frames_covering(subject.duration_s)
    windows = cut_timeline(subject, POCKET, POCKET_RULE, total).windows(POCKET_RULE)
    begin, end = windows[0].start_frame, windows[-1].start_frame + windows[-1].frames
    frames = np.arange(begin, end) + 0.5
    values = state_values(scene(subject.duration_s, one), frames / POCKET.frames_per_second)[0]
    jumps = jumps_s(subject, one) * POCKET.frames_per_second
    pieces, meant = [], np.zeros(len(frames), dtype=bool)
    drawn = np.random.default_rng(0).standard_normal(len(frames)).astype(np.float32)
    flicker = np.float32(1e-4) * drawn
    for before, window in pairwise([windows[0], *windows]):
        first, last = window.start_frame, window.start_frame + window.frames
        own = slice(first - begin, last - begin)
        mean = np.float32(values[own].mean())
        pieces.append((first, mean + flicker[None, own]))  # what stands still is silence
        if np.any((jumps > first - 1) & (jumps < last + 1)):
            meant[before.start_frame - begin : last + window.core_frames - begin] = True
    joined = np.concatenate(
        list(join_windows(levelled(pieces, POCKET_RULE.levelled_frames))), axis=1
    )
    heard = min(total, end - POCKET_RULE.overlap)
    return np.where(meant, 0.0, np.abs(joined[0] - values))[-begin : heard - begin]


@settings(max_examples=100, deadline=None)
@given(drawn_scenes())
def test_nothing_is_heard_further_off_than_the_bound_untold(subject: Scene) -> None:
    rushing = {rush.state: rush for rush in told(subject)}
    for one in subject.states:
        off = heard_off(subject, one)
        if one.name not in rushing:
            assert off.max() <= OFF_BOUND + 0.03
        else:
            rush = rushing[one.name]
            frame = int(rush.time_s * POCKET.frames_per_second)
            there = off[max(frame - 3, 0) : frame + 4].max()
            if there > 0:  # no jump is near, by which `heard_off` leaves out more
                assert there >= OFF_BOUND - 0.03
                assert rush.off == pytest.approx(there, abs=0.06)
                assert there >= off.max() - 0.06


def test_how_far_off_and_where_is_what_windows_make() -> None:
    subject = scene(120.0, state("rain", {60.0: 0.2, 61.0: 0.9, 62.0: 0.2}))
    off = heard_off(subject, subject.states[0])
    (rush,) = told(subject)
    assert rush.off == pytest.approx(off.max(), abs=0.04)
    assert rush.time_s == pytest.approx(POCKET.seconds(int(np.argmax(off))), abs=0.5)
    assert rush.window_s == pytest.approx(3.2)


@pytest.mark.parametrize("ramp_s", [160.0, 50.0, 12.0, 5.5])
def test_a_ramp_is_followed(ramp_s: float) -> None:
    assert told(scene(300.0, state("rain", {100.0: 0, 100.0 + ramp_s: 1}))) == ()


@pytest.mark.parametrize("ramp_s", [20.0, 10.0, 6.0])
def test_a_ramp_from_the_very_beginning_is_followed(ramp_s: float) -> None:
    assert told(scene(60.0, state("rain", {0.0: 0, ramp_s: 1}))) == ()
    unled = replace(POCKET_RULE, leads=False)
    assert (told(scene(60.0, state("rain", {0.0: 0, ramp_s: 1})), unled) == ()) is (ramp_s > 12)


def test_a_jump_is_meant() -> None:
    assert told(scene(120.0, state("rain", {0.0: 0.2, 60.0: 0.9}, "hold"))) == ()


def test_a_peak_shorter_than_a_window_is_told_with_its_place() -> None:
    subject = scene(300.0, state("rain", {150.0: 0.2, 151.0: 0.9, 152.0: 0.2}), state("wind", 0.5))
    (rush,) = told(subject)
    said = r"rain moves faster at 2m31s than windows of 3\.2 s can follow: "
    assert re.fullmatch(said + r"heard up to 0\.\d\d off its curve", str(rush))


def test_swings_within_the_shortest_window_are_told() -> None:
    (rush,) = told(scene(60.0, state("waves", {0.0: 0.2, 0.48: 0.8}, repeat_s=0.96)))
    assert rush.off == pytest.approx(0.3, abs=0.06)
    assert rush.places == 1  # all along


def test_places_are_counted_and_the_first_of_equals_is_named() -> None:
    peaks = state("rain", {0.0: 0.2, 19.5: 0.2, 20.0: 0.9, 20.5: 0.2}, repeat_s=23.04)
    (rush,) = told(scene(92.16, peaks))
    assert rush.places == 4
    assert rush.time_s == pytest.approx(20.0, abs=0.5)
    assert " at 20s (the worst of 4 places) than " in str(rush)


def test_what_lies_outside_of_the_stretch_is_not_told() -> None:
    subject = scene(300.0, state("rain", {150.0: 0.2, 151.0: 0.9, 152.0: 0.2}))
    assert len(told(subject, heard=(1800, 2000))) == 1
    assert told(subject, heard=(2000, 3750)) == ()
    assert told(subject, heard=(0, 1800)) == ()


def test_long_windows_that_were_asked_for_are_told_of_as_well() -> None:
    subject = scene(300.0, state("rain", {140.0: 0.2, 150.0: 0.9, 160.0: 0.2}))
    assert told(subject) == ()
    subject = replace(subject, render=RenderOptions(window_s=30.0))
    (rush,) = told(subject, fitted_rule(POCKET_RULE, subject, POCKET))
    assert rush.window_s == pytest.approx(30.0, abs=0.2)


def loop_told(subject: Scene) -> tuple[Rush, ...]:
    cut = cut_loop(subject, POCKET, POCKET_RULE, POCKET.frames_covering(subject.duration_s))
    return rushes(subject, POCKET, POCKET_RULE, cut)


def test_a_ramp_across_a_loops_joint_is_followed() -> None:
    """It turns in the middle: what is told of the joint is wrong by 0.3 if nothing goes round."""
    ramp = state("rain", {0.0: 0.5, 15.0: 0.8, 45.0: 0.2}, repeat_s=60.0)
    assert loop_told(replace(scene(60.0, ramp), loop=True)) == ()
    steep = state("rain", {0.0: 0.5, 4.0: 0.8, 30.0: 0.8, 40.0: 0.2, 56.0: 0.2}, repeat_s=60.0)
    assert loop_told(replace(scene(60.0, steep), loop=True)) == ()


def test_a_peak_at_a_loops_joint_is_one_place_and_as_high_as_elsewhere() -> None:
    def peak(at_s: float) -> Scene:
        points = {at_s - 1: 0.2, at_s: 0.9, at_s + 1: 0.2}
        around = {time_s % 46.08: level for time_s, level in points.items()}
        one = state("rain", dict(sorted(around.items())), repeat_s=46.08)
        return replace(scene(46.08, one), loop=True)

    (joint,), (middle,) = loop_told(peak(0.0)), loop_told(peak(23.04))
    assert min(joint.time_s, 46.08 - joint.time_s) < 0.2
    assert middle.time_s == pytest.approx(23.04, abs=0.2)
    assert joint.off == pytest.approx(middle.off, abs=0.02)
    assert (joint.places, middle.places) == (1, 1)


def test_a_jump_in_a_loop_is_meant_on_both_sides_of_its_joint() -> None:
    jump = state("rain", {0.0: 0.2, 1.0: 0.9, 30.0: 0.2}, "hold")
    assert loop_told(replace(scene(60.0, jump), loop=True)) == ()


def test_a_scene_without_end_is_looked_at_as_far_as_it_is_heard() -> None:
    peaks = state("rain", {0.0: 0.2, 19.0: 0.2, 20.0: 0.9, 21.0: 0.2}, repeat_s=48.0)
    subject = scene(math.inf, peaks)
    cut = cut_timeline(subject, POCKET, POCKET_RULE, 1000)
    (rush,) = rushes(subject, POCKET, POCKET_RULE, cut, (0, 1000))
    assert rush.places == 2
    assert rushes(subject, POCKET, POCKET_RULE, cut, (0, 200)) == ()


@pytest.mark.parametrize("at_s", [100.0, 101.0, 102.0, 103.0])
def test_a_peak_in_long_windows_is_told_wherever_it_stands(at_s: float) -> None:
    peak = state("rain", {at_s - 1: 0.2, at_s: 0.9, at_s + 1: 0.2})
    subject = replace(scene(200.0, peak), render=RenderOptions(window_s=30.0))
    (rush,) = told(subject, fitted_rule(POCKET_RULE, subject, POCKET))
    assert rush.off == pytest.approx(0.67, abs=0.04)
    assert rush.time_s == pytest.approx(at_s, abs=0.1)


def test_a_small_jump_hides_no_peak() -> None:
    points = {0.0: 0.2, 61.0: 0.2, 62.0: 0.9, 63.0: 0.2}
    (alone,) = told(scene(120.0, state("rain", points)))
    jump = {**points, 60.0: 0.2, 60.00001: 0.25, 61.0: 0.25, 62.0: 0.95}
    (beside,) = told(scene(120.0, state("rain", jump)))
    assert beside.time_s == pytest.approx(alone.time_s, abs=0.5)
    assert beside.off == pytest.approx(alone.off, abs=0.1)


def test_where_windows_do_not_overlap_a_curve_is_a_stair() -> None:
    ramp = scene(120.0, state("rain", {60.0: 0.2, 72.0: 0.9}))
    subject = replace(ramp, render=RenderOptions(window_s=5.0, overlap_s=0.0))
    (rush,) = told(subject, fitted_rule(POCKET_RULE, subject, POCKET))
    assert rush.off == pytest.approx(0.7 * 2.5 / 12, abs=0.03)  # at a window's end
    assert told(ramp) == ()


def test_two_peaks_of_a_loop_are_two_places() -> None:
    peaks = {0.0: 0.2, 14.0: 0.2, 15.0: 0.9, 16.0: 0.2, 40.0: 0.2, 41.0: 0.9, 42.0: 0.2}
    (rush,) = loop_told(replace(scene(60.0, state("rain", peaks, repeat_s=60.0)), loop=True))
    assert rush.places == 2


@pytest.mark.parametrize("windows_at_once", [1, 3, 50])
def test_however_many_windows_are_looked_at_at_once(
    windows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    peaks = state("rain", {0.0: 0.2, 19.0: 0.2, 20.0: 0.9, 21.0: 0.2}, repeat_s=47.0)
    subject = scene(300.0, peaks, state("wind", 0.4, wander=(0.3, 3.0)))
    stretches = (None, (700, 2000))
    together = [told(subject, heard=heard) for heard in stretches]
    monkeypatch.setattr("ambientgen.rushes._AT_ONCE", windows_at_once)
    apart = [told(subject, heard=heard) for heard in stretches]
    for one, other in zip(chain(*together), chain(*apart), strict=True):
        assert (other.state, other.off) == (one.state, pytest.approx(one.off, abs=0.006))
        assert other.places >= one.places  # a place at a lot's edge may be counted twice
