"""Keyframes: enough of them, no more, and each decided near its own time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planning_scenes import drawn_scenes, scene, state

from ambientgen.keyframes import CHUNK_S, STATE_ERROR, Keyframe, place_keyframes
from ambientgen.scene import KeyframeRule, Scene
from ambientgen.state_values import JUMP_S, FloatArray, jumps_s, state_values


def times(keyframes: Sequence[Keyframe]) -> list[float]:
    return [keyframe.time_s for keyframe in keyframes]


def drawn(keyframes: Sequence[Keyframe], name: str, asked_s: FloatArray) -> FloatArray:
    """The state as straight lines between keyframes tell it."""
    return np.interp(asked_s, times(keyframes), [k.states[name] for k in keyframes])


def far_from_jumps(subject: Scene, asked_s: FloatArray) -> FloatArray:
    for one in subject.states:
        for jump in jumps_s(subject, one):
            asked_s = asked_s[np.abs(asked_s - jump) > 2 * JUMP_S]
    return asked_s


def test_a_line_has_keyframes_at_its_ends_and_at_the_words() -> None:
    keyframes = place_keyframes(scene(100.0, state("rain", {0.0: 0.1, 100.0: 0.6})))
    assert times(keyframes) == pytest.approx([0.0, 30.0, 80.0, 100.0], abs=1e-6)
    assert keyframes[1].blend == (("light rain, a lake", 1.0),)


def test_a_word_passed_at_the_border_of_a_chunk_is_not_dropped() -> None:
    keyframes = place_keyframes(scene(90.0, state("rain", {0.0: 0.0, 90.0: 0.9})))
    assert times(keyframes) == pytest.approx([0.0, 25.0, 50.0, 75.0, 90.0], abs=1e-6)


def test_what_never_changes_has_two_keyframes_however_long() -> None:
    assert times(place_keyframes(scene(36000.0, state("rain", 0.3)))) == [0.0, 36000.0]


def test_every_bend_is_a_keyframe() -> None:
    keyframes = place_keyframes(scene(60.0, state("rain", {7.0: 0.3, 9.5: 0.31, 40.0: 0.3})))
    assert times(keyframes) == [0.0, 7.0, 9.5, 40.0, 60.0]


@pytest.mark.parametrize("easing", ["step", "hold"])
def test_a_jump_stays_a_jump(easing: str) -> None:
    at = {"step": 13.3, "hold": 40.0}[easing]
    keyframes = place_keyframes(scene(60.0, state("rain", {13.3: 0.3, 40.0: 0.6}, easing)))
    before, after = (k for k in keyframes if abs(k.time_s - at) < 1)
    assert (before.time_s, after.time_s) == (at - JUMP_S, at)
    assert (before.states["rain"], after.states["rain"]) == (0.3, 0.6)


def test_a_jump_at_the_very_end_is_no_glide_towards_it() -> None:
    keyframes = place_keyframes(scene(60.0, state("rain", {0.0: 0.3, 60.0: 0.6}, "hold")), 90.0)
    assert times(keyframes) == [0.0, 60.0 - JUMP_S, 60.0, 90.0]
    assert keyframes[-1].states == {"rain": 0.6}


def test_jumps_of_every_turn_are_found_in_spite_of_rounding() -> None:
    pulse = state("rain", {0.0: 0.3, 1.1: 0.45, 2.2: 0.3}, "hold", repeat_s=3.3)
    pairs = pairwise(place_keyframes(scene(600.0, pulse)))
    jumps = [(a.states, b.states) for a, b in pairs if b.time_s - a.time_s < 2 * JUMP_S]
    up, down = ({"rain": 0.3}, {"rain": 0.45}), ({"rain": 0.45}, {"rain": 0.3})
    assert jumps == ([up, down] * 200)[: len(jumps)]
    assert len(jumps) == 364


def test_every_overrides_automatic_placing() -> None:
    rule = KeyframeRule(every_s=20.0)
    subject = scene(70.0, state("rain", {0.0: 0.0, 33.0: 1.0, 35.0: 0.2}), keyframes=rule)
    assert times(place_keyframes(subject)) == [0.0, 20.0, 40.0, 60.0, 70.0]
    assert times(place_keyframes(subject, 60.0)) == [0.0, 20.0, 40.0, 60.0]


@pytest.mark.parametrize(("own_s", "between"), [(70.0, [70.0]), (60.0, [])])
def test_a_longer_render_has_a_keyframe_every_so_often_and_at_the_scenes_own_end(
    own_s: float, between: list[float]
) -> None:
    """Else the last stretch of the scene would lead to a later moment, and sound otherwise."""
    subject = scene(
        own_s, state("rain", {0.0: 0.0, own_s: 1.0}), keyframes=KeyframeRule(every_s=20.0)
    )
    longer = place_keyframes(subject, 90.0)
    assert times(longer) == [0.0, 20.0, 40.0, 60.0, *between, 80.0, 90.0]
    own = place_keyframes(subject)
    assert longer[: len(own)] == own


def test_past_the_end_the_last_value_holds() -> None:
    keyframes = place_keyframes(scene(60.0, state("rain", {0.0: 0.3, 60.0: 0.4})), 90.0)
    assert times(keyframes) == [0.0, 60.0, 90.0]
    assert keyframes[-1].states == {"rain": 0.4}


@settings(max_examples=150, deadline=None)
@given(drawn_scenes(), st.integers(0, 2**32))
def test_lines_between_keyframes_stay_near_the_curves(subject: Scene, seed: int) -> None:
    keyframes = place_keyframes(subject)
    assert times(keyframes) == sorted(set(times(keyframes)))
    assert (keyframes[0].time_s, keyframes[-1].time_s) == (0.0, subject.duration_s)
    asked = np.random.default_rng(seed).uniform(0, subject.duration_s, 3000)
    asked = far_from_jumps(subject, asked)
    for one, truth in zip(subject.states, state_values(subject, asked), strict=True):
        assert np.abs(drawn(keyframes, one.name, asked) - truth).max() <= STATE_ERROR


@settings(max_examples=80, deadline=None)
@given(drawn_scenes())
def test_each_state_blends_the_same_two_words_from_keyframe_to_keyframe(subject: Scene) -> None:
    for left, right in pairwise(place_keyframes(subject)):
        if right.time_s - left.time_s > 3 * JUMP_S:
            for name in left.states:
                low, high = sorted((left.states[name] * 4, right.states[name] * 4))
                # Less than a hundredth of the scale beyond a word may hide between two probes.
                assert np.ceil(high - 0.04) - np.floor(low + 0.04) <= 1


@settings(max_examples=80, deadline=None)
@given(drawn_scenes())
def test_blends_say_the_values(subject: Scene) -> None:
    for keyframe in place_keyframes(subject):
        assert sum(weight for _, weight in keyframe.blend) == 1.0
        assert keyframe.prompt == keyframe.blend[0][0]
        for one in subject.states:
            said = sum(
                weight * level / 4
                for prompt, weight in keyframe.blend
                for level, word in enumerate(one.levels)
                if word is not None and word in prompt
            )
            assert said == pytest.approx(keyframe.states[one.name], abs=1e-6)


def test_an_edit_moves_no_keyframe_far_from_it() -> None:
    wind = state("wind", {0.0: 0.3, 600.0: 0.8}, wander=(0.2, 15.0))
    calm = {0.0: 0.4, 300.0: 0.4, 340.0: 0.4}
    before = place_keyframes(scene(600.0, wind, state("rain", calm)))
    edited = place_keyframes(scene(600.0, wind, state("rain", {**calm, 320.0: 0.9, 340.0: 0.4})))

    def far(keyframes: Sequence[Keyframe]) -> list[Keyframe]:
        return [k for k in keyframes if not 300 - CHUNK_S < k.time_s < 340 + CHUNK_S]

    assert before != edited
    assert far(before) == far(edited)
    assert len(far(before)) > 50


def test_keyframes_of_a_longer_render_begin_alike() -> None:
    wind = scene(7300.0, state("wind", {0.0: 0.3, 7300.0: 0.8}, wander=(0.2, 15.0)))
    short, long = place_keyframes(wind, 7250.0), place_keyframes(wind)
    near = [k for k in long if k.time_s < 7250.0 - CHUNK_S]
    assert list(short[: len(near)]) == near


@settings(max_examples=80, deadline=None)
@given(drawn_scenes(), st.floats(0.0, 1.2))
def test_what_is_heard_early_needs_only_the_first_of_all_keyframes(
    subject: Scene, share: float
) -> None:
    heard_s = subject.duration_s * share
    early, whole = place_keyframes(subject, None, heard_s), place_keyframes(subject)
    assert early == whole[: len(early)]
    reach_s = min(heard_s, subject.duration_s)
    assert early[-1].time_s >= reach_s
    assert all(time_s < reach_s for time_s in times(early)[:-1])


def test_keyframes_are_a_sequence() -> None:
    rain = state("rain", {0.0: 0.1, 100.0: 0.6})
    keyframes = place_keyframes(scene(100.0, rain))
    assert keyframes[-1] == list(keyframes)[3] and keyframes[1:] == keyframes[1:4]
    assert keyframes[1:] != keyframes and keyframes != list(keyframes)
    assert keyframes != place_keyframes(scene(100.0, rain, setting="a wood"))
    with pytest.raises(IndexError):
        keyframes[4]


@pytest.mark.parametrize(("duration_s", "allowed_s"), [(600.0, 1.0), (36000.0, 20.0)])
def test_placing_is_quick(duration_s: float, allowed_s: float) -> None:
    swell = state("waves", {0.0: 0.2, 4.0: 0.9}, repeat_s=9.0)
    drifting = [state(name, 0.5, wander=(0.2, 12.0)) for name in ("wind", "rain", "birds")]
    subject = scene(duration_s, swell, *drifting)
    begun = time.perf_counter()
    place_keyframes(subject)
    assert time.perf_counter() - begun < allowed_s
