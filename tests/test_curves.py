"""Curves are pure functions of absolute time, inside 0…1, and say truly where they bend."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambientgen.curves import EASINGS, Constant, Curve, Points, Repeating, Wander

LEVEL = st.integers(0, 100).map(lambda percent: percent / 100)


@st.composite
def points(draw: st.DrawFn) -> Points:
    gaps = draw(st.lists(st.integers(1, 300), min_size=2, max_size=6))
    times = tuple(float(time) / 10 for time in np.cumsum(gaps))
    count = len(times)
    levels = draw(st.lists(LEVEL, min_size=count, max_size=count))
    names = draw(st.lists(st.sampled_from(list(EASINGS)), min_size=count, max_size=count))
    return Points(times, tuple(levels), tuple(names))


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    base: Curve = draw(st.one_of(LEVEL.map(Constant), points()))
    if isinstance(base, Points) and draw(st.booleans()):
        base = Repeating(base, base.times_s[-1] + draw(st.sampled_from([0.5, 3.0, 20.0])))
    if draw(st.booleans()):
        base = Wander(base, draw(LEVEL), draw(st.floats(1, 60)), draw(st.integers(0, 99)), "rain")
    return base


def linear(*rows: tuple[float, float], easing: str = "linear") -> Points:
    times, levels = zip(*rows, strict=True)
    return Points(times, levels, (easing,) * len(rows))


@given(curves(), st.lists(st.floats(-100, 1e6), min_size=1, max_size=20))
def test_any_slice_of_time_gives_the_same_levels_between_0_and_1(
    curve: Curve, times: list[float]
) -> None:
    whole = curve.at(np.array(times))
    single = [float(curve.at(np.array(time))) for time in times]
    assert whole.dtype == np.float64
    assert np.all((whole >= 0) & (whole <= 1))
    assert whole.tolist() == single


@given(curves())
def test_shape_is_kept(curve: Curve) -> None:
    assert curve.at(np.zeros((2, 0, 3))).shape == (2, 0, 3)
    assert curve.at(np.array(1.0)).shape == ()


@given(points())
def test_between_its_steps_a_curve_does_not_jump(curve: Points) -> None:
    end_s = curve.times_s[-1] + 1
    steps = np.array(curve.steps_s(end_s))
    before = np.linspace(0, end_s, 4001)
    levels = curve.at(before)
    steepest = 1.5 * max(
        abs(b - a) / (t - s)
        for a, b, s, t in zip(
            curve.levels, curve.levels[1:], curve.times_s, curve.times_s[1:], strict=False
        )
    )
    jumps = np.abs(np.diff(levels)) > steepest * (before[1] - before[0]) + 1e-9
    for left in before[:-1][jumps]:
        assert np.any((steps >= left - 1e-9) & (steps <= left + before[1] + 1e-9))


@given(points())
def test_steps_are_bends_and_are_where_left_and_right_differ(curve: Points) -> None:
    end_s = curve.times_s[-1] + 1
    steps = curve.steps_s(end_s)
    assert set(steps) <= set(curve.bends_s(end_s))
    for step in steps:
        left, right = curve.at(np.array([step - 1e-9, step]))
        assert abs(right - left) > 1e-6


@given(points())
def test_between_bends_a_linear_curve_is_straight(drawn: Points) -> None:
    curve = Points(drawn.times_s, drawn.levels, ("linear",) * len(drawn.times_s))
    end_s = curve.times_s[-1] + 2
    corners = [0.0, *curve.bends_s(end_s), end_s]
    for left, right in pairwise(corners):
        middle = curve.at(np.array([left, (left + right) / 2, right]))
        assert middle[1] == pytest.approx((middle[0] + middle[2]) / 2, abs=1e-6)


def test_ends_hold_and_easings_differ() -> None:
    times = np.array([0.0, 10.0, 12.5, 20.0, 99.0])
    expected = {
        "linear": [0.2, 0.2, 0.4, 1.0, 1.0],
        "smooth": [0.2, 0.2, 0.2 + 0.8 * 0.15625, 1.0, 1.0],
        "step": [0.2, 1.0, 1.0, 1.0, 1.0],
        "hold": [0.2, 0.2, 0.2, 1.0, 1.0],
    }
    assert set(expected) == set(EASINGS)
    times[2] = 12.5
    for easing, levels in expected.items():
        curve = linear((10.0, 0.2), (20.0, 1.0), easing=easing)
        assert curve.at(times).tolist() == pytest.approx(levels), easing
    assert linear((10.0, 0.2), (20.0, 1.0), easing="step").steps_s(60) == (10.0,)
    assert linear((10.0, 0.2), (20.0, 1.0), easing="hold").steps_s(60) == (20.0,)
    assert linear((10.0, 0.2), (20.0, 1.0)).bends_s(60) == (10.0, 20.0)
    assert linear((10.0, 0.2), (20.0, 1.0), easing="smooth").bends_s(60) == ()


def test_points_on_one_line_do_not_bend() -> None:
    assert linear((0.0, 0.1), (10.0, 0.2), (20.0, 0.3)).bends_s(20.0) == ()


@given(points(), st.integers(0, 500), st.floats(0, 1))
def test_a_turn_comes_again(turn: Points, number: int, share: float) -> None:
    curve = Repeating(turn, turn.times_s[-1] + 4.0)
    time_s = share * curve.period_s
    jumps = np.array([0.0, curve.period_s, *curve.steps_s(curve.period_s + 0.1)])
    if np.min(np.abs(jumps - time_s)) > 1e-6:  # rounding may fall on either side of a jump
        now, then = curve.at(np.array([time_s, time_s + number * curve.period_s]))
        assert then == pytest.approx(now, abs=1e-6)


def test_a_turn_closes_without_a_jump() -> None:
    curve = Repeating(linear((10.0, 0.2), (30.0, 1.0)), 40.0)
    assert curve.at(np.array([0.0, 10.0, 20.0, 35.0, 40.0, 75.0])).tolist() == pytest.approx(
        [0.6, 0.2, 0.6, 0.8, 0.6, 0.8]
    )
    assert curve.steps_s(200.0) == ()
    assert curve.bends_s(100.0) == (10.0, 30.0, 50.0, 70.0, 90.0)


def test_a_turn_may_say_its_end_as_well_as_its_start() -> None:
    curve = Repeating(linear((0.0, 0.1), (5.0, 0.9), (10.0, 0.1)), 10.0)
    assert curve.at(np.array([0.0, 2.5, 7.5, 10.0, 12.5])).tolist() == pytest.approx(
        [0.1, 0.5, 0.5, 0.1, 0.5]
    )


def test_a_held_turn_steps_every_time() -> None:
    curve = Repeating(linear((0.0, 0.0), (5.0, 1.0), easing="hold"), 10.0)
    assert curve.steps_s(22.0) == (5.0, 10.0, 15.0, 20.0)
    assert curve.at(np.array([4.9, 5.0, 9.9, 10.0])).tolist() == [0.0, 1.0, 1.0, 0.0]


def test_wander_moves_within_its_reach_and_covers_it() -> None:
    curve = Wander(Constant(0.5), 0.2, 20.0, seed=1, stream="rain")
    levels = curve.at(np.arange(0.0, 5000.0, 0.5))
    assert 0.3 <= levels.min() < 0.35
    assert 0.65 < levels.max() <= 0.7
    assert levels.mean() == pytest.approx(0.5, abs=0.02)


def test_wander_is_slow() -> None:
    curve = Wander(Constant(0.5), 0.2, 20.0, seed=1, stream="rain")
    step = np.abs(np.diff(curve.at(np.arange(0.0, 5000.0, 0.1)))).max()
    assert step <= 0.1 * 1.5 * (2 * 0.2) / (20.0 / 2)  # smoothstep's steepest slope is 1.5


def test_wander_belongs_to_its_seed_and_its_state() -> None:
    times = np.arange(0.0, 100.0)
    takes = [
        Wander(Constant(0.5), 0.2, 20.0, seed, stream).at(times)
        for seed, stream in ((1, "rain"), (2, "rain"), (1, "wind"))
    ]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert abs(np.corrcoef(takes[one], takes[other])[0, 1]) < 0.8
        assert not np.allclose(takes[one], takes[other])
    again = Wander(Constant(0.5), 0.2, 20.0, 2, "rain").reseeded(1).at(times)
    assert again.tolist() == takes[0].tolist()


def test_wander_keeps_its_values_for_ever() -> None:
    """These numbers are part of what a seed means: changing them changes every wandering scene."""
    drift = Wander(Constant(0.5), 0.2, 20.0, 7, "rain").drift(np.array([-3.0, 0.0, 5.0, 1e5]))
    assert drift.tolist() == pytest.approx(
        [0.34241097029859846, 0.7086823011066907, 0.4951623619432224, 0.9903365887771634], abs=1e-12
    )


def test_wander_of_what_has_no_nothing_goes_as_far_everywhere() -> None:
    times = np.arange(0.0, 5000.0, 0.5)
    left, right = (
        Wander(Constant(level), 0.2, 20.0, 1, "direction", from_nothing=False).at(times) - level
        for level in (0.0, 0.9)
    )
    assert left.min() == 0 and left.max() > 0.18, "it ends where its scale does"
    assert right.min() < -0.18 and right.max() == pytest.approx(0.1)


@given(LEVEL, st.integers(0, 50), st.lists(st.floats(0, 1e5), min_size=1))
def test_wander_never_wakes_what_is_silent(amount: float, seed: int, times: list[float]) -> None:
    curve = Wander(Constant(0.0), amount, 5.0, seed, "rain")
    assert not np.any(curve.at(np.array(times)))


def test_curves_are_values() -> None:
    one = Wander(linear((0.0, 0.1), (5.0, 0.9)), 0.1, 20.0, 1, "rain")
    other = Wander(linear((0.0, 0.1), (5.0, 0.9)), 0.1, 20.0, 1, "rain")
    one.at(np.zeros(1))  # what it remembers for speed is no part of it
    assert one == other
    assert hash(one) == hash(other)
    assert one.to_json() == other.to_json()
