"""Joins: flat in level whatever the sides share, exact where they agree, however they are cut."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ambientgen.crossfade import (
    LEAST_CORRELATION,
    gains,
    join,
    join_windows,
    overlap_correlation,
)

Array = NDArray[np.float64]


def _pair(
    rng: np.random.Generator, shape: tuple[int, ...], correlation: float
) -> tuple[Array, Array]:
    """Two sides of power 1 with this correlation."""
    shared = rng.standard_normal(shape)
    other = rng.standard_normal(shape)
    return shared, correlation * shared + np.sqrt(1 - correlation**2) * other


def _mean_level_db(joins: list[Array]) -> Array:
    """Level over the overlap, from the power of many joins' rows: (frames,)."""
    power = np.mean([np.mean(joined**2, axis=0) for joined in joins], axis=0)
    return np.asarray(10 * np.log10(power))


@pytest.mark.parametrize("correlation", [-0.6, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
@pytest.mark.parametrize("frames", [4, 16, 50])
def test_level_is_flat_at_any_correlation(correlation: float, frames: int) -> None:
    rng = np.random.default_rng(1)
    joins = [join(*_pair(rng, (128, frames), correlation)) for _ in range(300)]
    assert np.abs(_mean_level_db(joins)).max() < 0.15  # promised: 0.3 dB; the rest is chance


def test_level_is_flat_where_groups_differ() -> None:
    rng = np.random.default_rng(2)
    joins: dict[float, list[Array]] = {0.0: [], 0.5: [], 1.0: []}
    for _ in range(300):
        sides = [_pair(rng, (32, 16), correlation) for correlation in joins]
        left, right = (np.concatenate(parts) for parts in zip(*sides, strict=True))
        joined = join(left, right, rows_per_group=32)
        for group, found in zip(np.split(joined, 3), joins.values(), strict=True):
            found.append(group)
    for found in joins.values():
        assert np.abs(_mean_level_db(found)).max() < 0.3


def test_one_correlation_for_all_would_not_do() -> None:
    """The test above can fail: sharing one correlation between unlike groups dips and swells."""
    rng = np.random.default_rng(2)
    joins = []
    for _ in range(100):
        left, right = _pair(rng, (32, 16), 0.0)
        alike = rng.standard_normal((32, 16))
        joins.append(join(np.concatenate([left, alike]), np.concatenate([right, alike]))[:32])
    assert _mean_level_db(joins).min() < -1


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("ratio", [0.01, 0.3, 3.0, 100.0])
def test_unequal_levels_meet_without_overshoot(correlation: float, ratio: float) -> None:
    falling, rising = gains(400, correlation)
    power = falling**2 + (rising * ratio) ** 2 + 2 * falling * rising * ratio * correlation
    steps = np.diff(power) * np.sign(ratio - 1)
    assert (steps >= -1e-12).all()
    assert power[0] == pytest.approx(1, abs=max(ratio, 1) ** 2 * 1e-3)
    assert power[-1] == pytest.approx(ratio**2, abs=max(ratio, 1) ** 2 * 1e-3)


def test_measured_unequal_levels_are_monotonic() -> None:
    rng = np.random.default_rng(3)
    joins = []
    for _ in range(400):
        left, right = _pair(rng, (256, 12), 0.5)
        joins.append(join(left, 4 * right))
    level = _mean_level_db(joins)
    assert (np.diff(level) > 0).all()
    assert -0.2 < level[0] < level[-1] < 20 * np.log10(4) + 0.2


@given(st.integers(1, 300))
def test_ramps_are_a_partition_of_unity_and_mirrored(frames: int) -> None:
    falling, rising = gains(frames, 1.0)
    np.testing.assert_allclose(falling + rising, 1.0, atol=2e-16)
    np.testing.assert_allclose(falling, rising[::-1], atol=1e-15)
    falling, rising = gains(frames, 0.0)
    np.testing.assert_allclose(falling**2 + rising**2, 1.0, atol=1e-15)
    assert (np.diff(rising) > 0).all()


def test_equal_sides_pass_bit_for_bit() -> None:
    sound = np.random.default_rng(4).standard_normal((3, 8, 16)).astype(np.float32)
    joined = join(sound, sound.copy())
    np.testing.assert_array_equal(joined, sound)
    assert joined.dtype == np.float32


def test_correlation_of_difficult_overlaps() -> None:
    rng = np.random.default_rng(5)
    silent, sound = np.zeros((2, 40)), rng.standard_normal((2, 40))
    assert overlap_correlation(silent, silent) == 1
    assert overlap_correlation(silent, sound) == 1
    assert overlap_correlation(sound, -sound) == LEAST_CORRELATION
    assert overlap_correlation(1e-30 * sound, 1e30 * sound) == pytest.approx(1)
    faint = (1e-42 * sound).astype(np.float32)  # float32's square of it is zero
    assert overlap_correlation(faint, faint) == 1
    assert overlap_correlation(sound + 50, 50 - sound) > 0.99  # offsets are power, too
    np.testing.assert_array_equal(join(silent, silent), silent)
    assert np.isfinite(join(silent, sound)).all()
    found = overlap_correlation(sound, np.stack([sound[0], -sound[1]]), rows_per_group=1)
    np.testing.assert_allclose(found, [1, LEAST_CORRELATION])


@st.composite
def timelines(draw: st.DrawFn) -> list[tuple[int, int]]:
    """(start, frames) of windows whose joins do not touch each other."""
    start = draw(st.integers(-50, 50))
    overlaps = draw(st.lists(st.integers(0, 9), min_size=1, max_size=6))
    spans = []
    for before, after in zip([0, *overlaps], [*overlaps, 0], strict=True):
        frames = before + after + draw(st.integers(0, 12))
        spans.append((start, frames))
        start += frames - after
    return spans


@given(timelines(), st.sampled_from([None, 9, 30]))
def test_windows_cut_from_one_sound_join_to_it(
    spans: list[tuple[int, int]], max_overlap_frames: int | None
) -> None:
    start, end = spans[0][0], spans[-1][0] + spans[-1][1]
    whole = np.random.default_rng(6).standard_normal((2, 3, end - start)).astype(np.float32)
    pieces = ((at, whole[..., at - start : at - start + frames].copy()) for at, frames in spans)
    blocks = list(join_windows(pieces, max_overlap_frames=max_overlap_frames))
    assert all(block.shape[-1] for block in blocks)
    joined = np.concatenate([whole[..., :0], *blocks], axis=-1)
    np.testing.assert_array_equal(joined, whole)


@given(timelines(), st.integers(9, 40))
def test_a_known_overlap_changes_only_the_cutting(
    spans: list[tuple[int, int]], max_overlap_frames: int
) -> None:
    rng = np.random.default_rng(7)
    pieces = [(at, rng.standard_normal((4, frames))) for at, frames in spans]
    plain = np.concatenate([np.empty((4, 0)), *join_windows(pieces)], axis=-1)
    early = list(join_windows(pieces, max_overlap_frames))
    np.testing.assert_array_equal(np.concatenate([np.empty((4, 0)), *early], axis=-1), plain)


def test_beginning_later_gives_the_same_from_the_second_join_on() -> None:
    rng = np.random.default_rng(8)
    pieces = [(20 * k, rng.standard_normal((4, 28))) for k in range(5)]
    whole = np.concatenate(list(join_windows(pieces)), axis=-1)
    late = np.concatenate(list(join_windows(pieces[2:])), axis=-1)
    np.testing.assert_array_equal(late[:, 8:], whole[:, 48:])


def test_blocks_come_as_early_as_they_can_and_no_window_is_kept() -> None:
    asked: list[int] = []

    def pieces() -> Iterator[tuple[int, Array]]:
        for k in range(4):
            asked.append(k)
            yield 20 * k, np.full((1, 28), float(k))

    blocks = join_windows(pieces(), max_overlap_frames=8)
    assert next(blocks).shape == (1, 20)
    assert asked == [0]
    assert next(blocks).shape == (1, 8)
    assert next(blocks).shape == (1, 12)
    assert asked == [0, 1]


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([(0, 10), (11, 10)], "a gap"),
        ([(0, 10), (5, 4)], "ends before"),
        ([(0, 10), (5, 10), (8, 20)], "reaches back"),
        ([(0, 10), (-1, 20)], "reaches back"),
    ],
)
def test_impossible_timelines_are_refused(spans: list[tuple[int, int]], said: str) -> None:
    pieces = [(start, np.ones((2, frames))) for start, frames in spans]
    with pytest.raises(ValueError, match=said):
        list(join_windows(pieces))


def test_wrong_shapes_and_broken_promises_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        list(join_windows([(0, np.ones((2, 10))), (5, np.ones((3, 10)))]))
    with pytest.raises(ValueError, match="reaches back"):
        list(join_windows([(0, np.ones((2, 10))), (5, np.ones((2, 10)))], 4))
    with pytest.raises(ValueError, match="groups"):
        overlap_correlation(np.ones((3, 4)), np.ones((3, 4)), rows_per_group=2)
    with pytest.raises(ValueError, match="shapes"):
        overlap_correlation(np.ones((3, 4)), np.ones((3, 5)))


def test_no_windows_no_blocks() -> None:
    assert list(join_windows(iter([(0, np.ones((2, 0)))]))) == []
