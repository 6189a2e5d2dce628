"""Windows meet halfway in level: the whole step in the middle of a join, nothing far from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ambientgen.crossfade import join_windows
from ambientgen.levelling import levelled

FloatArray = NDArray[np.float32]

OVERLAP, REACH, CORE = 8, 10, 24


def windows(levels: list[float]) -> list[tuple[int, FloatArray]]:
    """Windows of one noise field, each moved by a level of its own."""
    field = noise(len(levels))
    return [
        (CORE * i, field[:, CORE * i :][:, : CORE + OVERLAP] + np.float32(level))
        for i, level in enumerate(levels)
    ]


def whole(halves: Iterable[tuple[int, FloatArray]]) -> list[tuple[int, FloatArray]]:
    """Windows of their two halves, the second of which begins where the first ends."""
    found, given_halves = [], list(halves)
    for (start, first), (then, second) in zip(given_halves[::2], given_halves[1::2], strict=True):
        assert then == start + first.shape[1]
        found.append((start, np.concatenate([first, second], axis=1)))
    return found


def noise(count: int) -> FloatArray:
    """What `windows` have in common."""
    drawn = np.random.default_rng(0).standard_normal((3, CORE * count + OVERLAP))
    return drawn.astype(np.float32)


def level(pieces: Iterable[tuple[int, FloatArray]], count: int) -> FloatArray:
    """What joined windows are moved by, frame by frame."""
    joined = np.concatenate(list(join_windows(pieces)), axis=1)
    return np.asarray((joined - noise(count))[0])


def test_sides_are_alike_in_the_middle_of_their_overlap_and_their_own_from_the_reach_on() -> None:
    pieces = windows([0.0, 1.0])
    (_, left), (_, right) = whole(levelled(pieces, REACH))
    middle = [CORE + OVERLAP // 2 - 1, CORE + OVERLAP // 2]
    at_left, at_right = left[:, middle].mean(1), right[:, [m - CORE for m in middle]].mean(1)
    np.testing.assert_allclose(at_right, at_left, atol=1e-5)
    away = CORE + OVERLAP // 2 - REACH
    np.testing.assert_array_equal(left[:, :away], pieces[0][1][:, :away])
    away = OVERLAP // 2 + REACH
    np.testing.assert_array_equal(right[:, away:], pieces[1][1][:, away:])


def test_a_step_is_climbed_evenly_and_from_both_sides() -> None:
    pieces = windows([2.0, 4.0])
    (_, left), (_, right) = whole(levelled(pieces, REACH))
    own = (left - pieces[0][1])[0], (right - pieces[1][1])[0]
    np.testing.assert_allclose(own[0], -own[1][::-1], atol=1e-5)
    np.testing.assert_allclose(np.diff(own[0])[-REACH:], 0.5 * 2.0 / REACH, atol=1e-5)
    climbed = level(levelled(pieces, REACH), 2)
    slope = np.diff(climbed)[CORE + OVERLAP // 2 - REACH : CORE + OVERLAP // 2 + REACH - 1]
    np.testing.assert_allclose(slope, 2.0 / (2 * REACH), atol=1e-5)
    assert climbed[CORE + OVERLAP // 2 - 1 : CORE + OVERLAP // 2 + 1].mean() == pytest.approx(3.0)


def test_stairs_of_short_windows_become_a_line_through_their_middles() -> None:
    levels = [0.0, 1.0, 2.0, 0.0, 4.0]
    middles = CORE * np.arange(5) + (CORE + OVERLAP) / 2
    inner = np.arange(int(middles[0]), int(middles[-1]))
    line = np.interp(inner + 0.5, middles, levels)
    found = level(levelled(windows(levels), CORE), 5)[inner]
    np.testing.assert_allclose(found, line, atol=1e-5)
    stairs = level(windows(levels), 5)[inner]
    assert np.abs(stairs - line).max() > 0.3


def test_a_window_may_be_all_overlap_but_for_its_middle() -> None:
    pieces = [(0, np.zeros((1, 8), np.float32)), (4, np.full((1, 8), 2, np.float32))]
    pieces = [(start, rows + np.float32([[1e-3, 0] * 4])) for start, rows in pieces]
    climbed = np.concatenate(list(join_windows(levelled(pieces, 100))), axis=1)[0]
    np.testing.assert_allclose(np.diff(climbed)[4:7], 0.5, atol=2e-3)


def test_what_is_equal_stays_so_to_the_bit() -> None:
    pieces = windows([0.5, 0.5, 0.5])
    for (start, before), (same, after) in zip(pieces, whole(levelled(pieces, REACH)), strict=True):
        assert start == same
        np.testing.assert_array_equal(before, after)


def test_silence_stays_what_it_is_and_moves_nothing() -> None:
    first, (start, rows), last = windows([0.0, 1.0, 2.0])
    silent = start, np.full_like(rows, -3.0)
    given_windows = [first, silent, last]
    for before, after in zip(given_windows, whole(levelled(given_windows, REACH)), strict=True):
        np.testing.assert_array_equal(before[1], after[1])


def test_a_window_depends_on_its_neighbours_alone() -> None:
    pieces = windows([0.0, 1.0, -1.0, 2.0, 0.5])
    every = whole(levelled(pieces, CORE))
    part = whole(levelled(pieces[1:4], CORE))
    np.testing.assert_array_equal(part[1][1], every[2][1])
    half = (CORE + OVERLAP) // 2
    np.testing.assert_array_equal(part[0][1][:, half:], every[1][1][:, half:])
    assert (part[0][1] != every[1][1]).any()  # whose neighbour is not there


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=6), st.integers(OVERLAP // 2, CORE))
def test_all_windows_come_once_in_order_as_float32(levels: list[float], reach: int) -> None:
    pieces = windows(levels)
    found = whole(levelled(iter(pieces), reach))
    assert [start for start, _ in found] == [start for start, _ in pieces]
    for (_, rows), (_, given_rows) in zip(found, pieces, strict=True):
        assert rows.dtype == np.float32
        assert rows.shape == given_rows.shape


def test_windows_that_only_touch_are_left_alone() -> None:
    rows = np.arange(12, dtype=np.float32).reshape(2, 6)
    found = whole(levelled([(0, rows), (6, rows + 5)], 4))
    np.testing.assert_array_equal(found[0][1], rows)
    np.testing.assert_array_equal(found[1][1], rows + 5)


def test_a_half_comes_as_soon_as_the_windows_on_its_side_are_there() -> None:
    taken: list[int] = []

    def told() -> Iterator[tuple[int, FloatArray]]:
        for start, rows in windows([0.0, 1.0, 2.0]):
            taken.append(start)
            yield start, rows

    halves = levelled(told(), REACH)
    assert next(halves)[0] == 0
    assert taken == [0]
    assert next(halves)[0] == (CORE + OVERLAP) // 2
    assert next(halves)[0] == CORE
    assert taken == [0, CORE]


def test_a_longer_overlap_than_half_a_window_is_refused() -> None:
    rows = np.random.default_rng(1).standard_normal((1, 8)).astype(np.float32)
    with pytest.raises(ValueError, match="an overlap of 5 frames is more than half a window"):
        list(levelled([(0, rows), (3, rows)], 4))
