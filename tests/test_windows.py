"""Windows: they tile the timeline, each is legal, and each is decided near its own time."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planning_scenes import (
    POCKET,
    POCKET_RULE,
    PUBLISHED,
    PUBLISHED_RULE,
    drawn_scenes,
    scene,
    state,
)

from ambientgen.errors import SceneError
from ambientgen.scene import RenderOptions, Scene
from ambientgen.units import Geometry
from ambientgen.windows import (
    Window,
    WindowRule,
    cut_blocks,
    cut_loop,
    cut_timeline,
    fitted_rule,
)

MODELS = st.sampled_from([(POCKET, POCKET_RULE), (PUBLISHED, PUBLISHED_RULE)])


def windows(subject: Scene, end_s: float | None = None) -> tuple[Window, ...]:
    total = POCKET.frames_covering(end_s or subject.duration_s)
    return cut_timeline(subject, POCKET, POCKET_RULE, total).windows(POCKET_RULE)


@settings(max_examples=150, deadline=None)
@given(drawn_scenes(), MODELS)
def test_cores_tile_the_timeline(subject: Scene, model: tuple[Geometry, WindowRule]) -> None:
    geometry, rule = model
    total = geometry.frames_covering(subject.duration_s)
    cut = cut_timeline(subject, geometry, rule, total).windows(rule)
    assert [w.index for w in cut] == list(range(len(cut)))
    assert cut[0].start_frame in (0, -rule.cores[0])
    assert cut[-1].start_frame < total <= cut[-1].start_frame + cut[-1].core_frames
    for left, right in pairwise(cut):
        assert left.start_frame + left.core_frames == right.start_frame
    for window in cut:
        assert window.core_frames in rule.cores
        assert window.frames == window.core_frames + rule.overlap
        assert window.frames % rule.multiple == 0
        assert window.start_frame % window.core_frames == 0


@pytest.mark.parametrize(
    ("curve", "first"),
    [
        ({0.0: 0, 6.0: 1}, -24),
        ({0.0: 0.5, 6.0: 0.2}, -24),
        ({0.0: 0, 20.0: 1}, -24),
        ({0.0: 0, 80.0: 1}, 0),  # so slow that the first window hardly tells of it
        ({0.0: 0, 3.0: 0, 9.0: 1}, 0),  # moves later
        ({0.0: 0.5, 60.0: 0.5}, 0),
    ],
)
def test_a_movement_from_the_very_beginning_is_led_in_by_a_window_before_it(
    curve: dict[float, float], first: int
) -> None:
    subject = scene(100.0, state("rain", curve))
    assert windows(subject)[0].start_frame == first
    for rule in (replace(POCKET_RULE, levels=False), POCKET_RULE.at_strength(0.5)):
        assert cut_timeline(subject, POCKET, rule, 1200).windows(rule)[0].start_frame == 0
    loop = replace(subject, loop=True)
    assert cut_loop(loop, POCKET, POCKET_RULE, 1250).windows(POCKET_RULE)[0].start_frame == 0
    # From later on it is not made.
    assert cut_timeline(subject, POCKET, POCKET_RULE, 1200).windows(POCKET_RULE, 400)[0].index > 1


def test_what_hardly_moves_takes_the_longest_windows() -> None:
    assert {w.core_frames for w in windows(scene(600.0, state("rain", {0.0: 0, 600.0: 1})))} == {96}


@pytest.mark.parametrize(("ramp_s", "core"), [(160.0, 96), (120.0, 48), (80.0, 48), (50.0, 24)])
def test_the_window_follows_the_speed(ramp_s: float, core: int) -> None:
    """A core of c frames steps a ramp of r seconds by c / 12.5 / r: the bound is a twentieth."""
    subject = scene(300.0, state("rain", {100.0: 0, 100.0 + ramp_s: 1}))
    inside = [w for w in windows(subject) if 1300 < w.start_frame < 1250 + ramp_s * 12.5 - 96]
    assert {w.core_frames for w in inside} == {core}


def test_swings_as_long_as_a_window_are_not_averaged_away() -> None:
    swell = state("waves", {0.0: 0.2, 3.84: 0.8}, repeat_s=7.68)
    assert {w.core_frames for w in windows(scene(120.0, swell))} == {24}


def test_around_a_jump_windows_are_short() -> None:
    subject = scene(120.0, state("rain", {0.0: 0.2, 60.0: 0.9}, "hold"))
    cut = windows(subject)
    jump = next(w for w in cut if w.start_frame <= 750 < w.start_frame + w.core_frames)
    assert [w.core_frames for w in cut[jump.index - 1 : jump.index + 2]] == [24, 24, 24]
    assert [w.core_frames for w in cut[:5]] == [96] * 5


def test_an_edit_moves_no_window_far_from_it() -> None:
    points = {0.0: 0.2, 60.0: 0.8, 61.0: 0.3, 300.0: 0.6, 400.0: 0.2, 404.0: 0.8}
    wind = state("wind", 0.5, wander=(0.3, 20.0))
    before = windows(scene(600.0, state("rain", points), wind))
    edited = windows(scene(600.0, state("rain", {**points, 300.0: 0.9}), wind))

    def far(cut: tuple[Window, ...]) -> list[tuple[int, int]]:
        reach = 2 * 96
        lengths = [(w.start_frame, w.core_frames) for w in cut]
        return [w for w in lengths if not 61 * 12.5 - reach < w[0] < 400 * 12.5 + reach]

    assert far(before) == far(edited)
    assert len({core for _, core in far(before)}) > 1


def test_a_crop_has_the_windows_of_the_whole() -> None:
    subject = scene(600.0, state("wind", 0.5, wander=(0.3, 20.0)))
    whole, crop = windows(subject), windows(subject, 333.3)
    assert crop == whole[: len(crop)]


def test_any_stretch_can_be_cut_by_itself() -> None:
    subject = scene(600.0, state("wind", 0.5, wander=(0.3, 20.0)))
    whole = cut_blocks(subject, POCKET, POCKET_RULE, 0, 40)
    part = cut_blocks(subject, POCKET, POCKET_RULE, 17, 3)
    inside = (whole.start_frames >= 17 * 96) & (whole.start_frames < 20 * 96)
    assert np.array_equal(part.start_frames, whole.start_frames[inside])
    assert np.array_equal(part.core_frames, whole.core_frames[inside])


@pytest.mark.parametrize(
    ("window_s", "overlap_s", "rule"),
    [
        (None, None, POCKET_RULE),
        (None, 1.0, WindowRule((24, 48, 96), 12, 4)),
        (5.12, 0.64, WindowRule((56,), 8, 4)),
        (5.12, None, WindowRule((48,), 16, 4)),
        (5.0, 0.0, WindowRule((64,), 0, 4)),
        (0.5, None, WindowRule((4,), 4, 4)),
    ],
)
def test_render_options_fit_the_rule(
    window_s: float | None, overlap_s: float | None, rule: WindowRule
) -> None:
    options = RenderOptions(window_s=window_s, overlap_s=overlap_s)
    assert fitted_rule(POCKET_RULE, scene(60.0, state("rain", 0.5), render=options), POCKET) == rule


def test_an_overlap_of_more_than_half_the_window_is_refused() -> None:
    options = RenderOptions(window_s=5.0, overlap_s=4.0)
    with pytest.raises(SceneError, match=r"render\.overlap: .*; write at most `2\.\d+s`"):
        fitted_rule(POCKET_RULE, scene(60.0, state("rain", 0.5), render=options), POCKET)


@pytest.mark.parametrize(
    ("cores", "overlap"),
    [((), 8), ((24, 72), 8), ((26, 52), 8), ((24, 48), 6), ((24, 48), 28), ((24,), -4)],
)
def test_impossible_rules_are_refused(cores: tuple[int, ...], overlap: int) -> None:
    with pytest.raises(ValueError, match=r"core|overlap"):
        WindowRule(cores, overlap, 4)
