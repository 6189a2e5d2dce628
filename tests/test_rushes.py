"""What no window can follow is told, and nothing else: held against what levelled windows make."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

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


def told(subject: Scene, rule: WindowRule = POCKET_RULE, first_frame: int = 0) -> tuple[Rush, ...]:
    total = POCKET.frames_covering(subject.duration_s)
    cut = cut_timeline(subject, POCKET, rule, total)
    return rushes(subject, POCKET, rule, cut, first_frame)


def heard_off(subject: Scene, one: State) -> FloatArray:
    """By how much a state is off, by latent frame, where windows hold just its average and are
    levelled and joined as those of a render are; 0 where a jump lies in a window that is heard."""
    total = POCKET.frames_covering(subject.duration_s)
    windows = cut_timeline(subject, POCKET, POCKET_RULE, total).windows(POCKET_RULE)
    end = windows[-1].start_frame + windows[-1].frames
    frames = np.arange(end) + 0.5
    values = state_values(scene(subject.duration_s, one), frames / POCKET.frames_per_second)[0]
    jumps = jumps_s(subject, one) * POCKET.frames_per_second
    pieces, meant = [], np.zeros(end, dtype=bool)
    flicker = np.float32(1e-4) * np.random.default_rng(0).standard_normal(end).astype(np.float32)
    for before, window in pairwise([windows[0], *windows]):
        first, last = window.start_frame, window.start_frame + window.frames
        mean = np.float32(values[first:last].mean())
        pieces.append((first, mean + flicker[None, first:last]))  # what stands still is silence
        if np.any((jumps > first - 1) & (jumps < last + 1)):
            meant[before.start_frame : last + window.core_frames] = True
    joined = np.concatenate(list(join_windows(levelled(pieces, POCKET_RULE.levelling))), axis=1)
    heard = min(total, end - POCKET_RULE.overlap)
    return np.where(meant, 0.0, np.abs(joined[0] - values))[:heard]


@settings(max_examples=100, deadline=None)
@given(drawn_scenes())
def test_nothing_is_heard_further_off_than_the_bound_untold(subject: Scene) -> None:
    rushing = {rush.state: rush for rush in told(subject)}
    for one in subject.states:
        most = heard_off(subject, one).max()
        if one.name not in rushing:
            assert most <= OFF_BOUND + 0.03


def test_how_far_off_and_where_is_what_windows_make() -> None:
    subject = scene(120.0, state("rain", {60.0: 0.2, 61.0: 0.9, 62.0: 0.2}))
    off = heard_off(subject, subject.states[0])
    (rush,) = told(subject)
    assert rush.off == pytest.approx(off.max(), abs=0.04)
    assert rush.time_s == pytest.approx(POCKET.seconds(int(np.argmax(off))), abs=0.5)
    assert rush.window_s == pytest.approx(2.56)


@pytest.mark.parametrize("ramp_s", [160.0, 50.0, 12.0, 6.0])
def test_a_ramp_is_followed(ramp_s: float) -> None:
    assert told(scene(300.0, state("rain", {100.0: 0, 100.0 + ramp_s: 1}))) == ()


def test_a_jump_is_meant() -> None:
    assert told(scene(120.0, state("rain", {0.0: 0.2, 60.0: 0.9}, "hold"))) == ()


def test_a_peak_shorter_than_a_window_is_told_with_its_place() -> None:
    subject = scene(300.0, state("rain", {150.0: 0.2, 151.0: 0.9, 152.0: 0.2}), state("wind", 0.5))
    (rush,) = told(subject)
    said = r"rain moves faster at 2m31s than windows of 2\.6 s can follow: "
    assert re.fullmatch(said + r"heard up to 0\.\d\d off its curve", str(rush))


def test_swings_within_the_shortest_window_are_told() -> None:
    (rush,) = told(scene(60.0, state("waves", {0.0: 0.2, 0.48: 0.8}, repeat_s=0.96)))
    assert rush.off == pytest.approx(0.25, abs=0.05)
    assert rush.places == 1  # all along


def test_places_are_counted_and_the_first_of_equals_is_named() -> None:
    peaks = state("rain", {0.0: 0.2, 19.5: 0.2, 20.0: 0.9, 20.5: 0.2}, repeat_s=23.04)
    (rush,) = told(scene(92.16, peaks))
    assert rush.places == 4
    assert rush.time_s == pytest.approx(20.0, abs=0.5)
    assert " at 20s (the worst of 4 places) than " in str(rush)


def test_what_lies_before_the_stretch_is_not_told() -> None:
    subject = scene(300.0, state("rain", {150.0: 0.2, 151.0: 0.9, 152.0: 0.2}))
    assert len(told(subject, first_frame=1800)) == 1
    assert told(subject, first_frame=2000) == ()


def test_long_windows_that_were_asked_for_are_told_of_as_well() -> None:
    subject = scene(300.0, state("rain", {140.0: 0.2, 150.0: 0.9, 160.0: 0.2}))
    assert told(subject) == ()
    subject = replace(subject, render=RenderOptions(window_s=30.0))
    (rush,) = told(subject, fitted_rule(POCKET_RULE, subject, POCKET))
    assert rush.window_s == pytest.approx(30.0, abs=0.2)


def test_a_loop_is_followed_across_its_joint() -> None:
    ramp = state("rain", {0.0: 0.2, 30.0: 0.8}, repeat_s=60.0)
    subject = replace(scene(60.0, ramp), loop=True)
    frames = POCKET.frames_covering(60.0)
    cut = cut_loop(subject, POCKET, POCKET_RULE, frames)
    assert rushes(subject, POCKET, POCKET_RULE, cut) == ()
    peak = state("rain", {0.0: 0.9, 1.0: 0.2, 59.0: 0.2}, repeat_s=60.0)
    subject = replace(scene(60.0, peak), loop=True)
    cut = cut_loop(subject, POCKET, POCKET_RULE, frames)
    (rush,) = rushes(subject, POCKET, POCKET_RULE, cut)
    assert min(rush.time_s, 60.0 - rush.time_s) < 1.0
