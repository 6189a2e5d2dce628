"""The noise field: a function of (seed, stream, absolute position), and truly normal."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ambientgen.noise import Identified, NoiseField, Take, Unrest

# The first frames of two fields, as first drawn: renders of old scenes depend on them.
GOLDEN = {
    (7, "latents", -2): [
        [-0.18554328382015228, -0.34877562522888184, -0.27997884154319763, 0.3957805931568146],
        [0.4891517460346222, 2.8262715339660645, 0.9123245477676392, 0.16365692019462585],
        [0.2599099278450012, 0.6761859059333801, 0.7792569398880005, 2.6023244857788086],
    ],
}


@given(
    start=st.integers(-3000, 3000),
    cuts=st.lists(st.integers(0, 400), min_size=1, max_size=5),
    width=st.sampled_from([1, 2, 3, 16, 128, 160]),
)
def test_any_slicing_gives_the_same_bits(start: int, cuts: list[int], width: int) -> None:
    field = NoiseField(3, "latents", width)
    whole = field.frames(start, sum(cuts))
    begins = itertools.accumulate(cuts[:-1], initial=start)
    parts = [field.frames(begin, count) for begin, count in zip(begins, cuts, strict=True)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert whole.shape == (sum(cuts), width)
    assert whole.dtype == np.float32


def test_far_moments_are_reached_without_drawing_the_near_ones() -> None:
    field = NoiseField(3, "latents", 4)
    year = 365 * 24 * 3600 * 16000
    np.testing.assert_array_equal(field.frames(year - 3, 8)[3:], field.frames(year, 5))


def test_width_only_arranges_the_stream() -> None:
    by_sample = NoiseField(1, "grain", 1).frames(-320, 960)
    by_frame = NoiseField(1, "grain", 160).frames(-2, 6)
    np.testing.assert_array_equal(by_frame.ravel(), by_sample.ravel())


def test_long_draws_equal_short_ones() -> None:
    field = NoiseField(5, "latents", 128)
    long = field.frames(-7, 2000)  # several passes
    np.testing.assert_array_equal(long[1003:1010], field.frames(996, 7))


def test_moments_are_those_of_normals() -> None:
    numbers = NoiseField(11, "latents", 64).frames(-10_000, 30_000).astype(np.float64).ravel()
    count = len(numbers)
    assert abs(numbers.mean()) < 5 / np.sqrt(count)
    assert abs(numbers.var() - 1) < 5 * np.sqrt(2 / count)
    assert abs((numbers**3).mean()) < 5 * np.sqrt(15 / count)
    assert abs((numbers**4).mean() - 3) < 5 * np.sqrt(96 / count)
    beyond_three = 0.0026998  # two-sided tail of the normal distribution
    assert abs((np.abs(numbers) > 3).mean() - beyond_three) < 5 * np.sqrt(beyond_three / count)


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.mean(a.astype(np.float64) * b) * np.sqrt(a.size))  # in standard deviations


def test_seeds_streams_and_frames_are_strangers() -> None:
    def draw(seed: int, stream: str, start: int = 0) -> NDArray[np.float32]:
        return NoiseField(seed, stream, 16).frames(start, 5000)

    base = draw(1, "latents")
    others = [draw(2, "latents"), draw(-1, "latents"), draw(1, "grain"), draw(1, "latents", 5000)]
    others += [draw(1, "latents", shift) for shift in (1, 2, 8, 64)]
    others += [draw(11, "atents"), draw(1 + 2**64, "latents")]
    assert all(abs(_correlation(base, other)) < 5 for other in others)
    columns = base.astype(np.float64)
    between = columns.T @ columns / np.sqrt(len(columns))
    assert np.abs(between[~np.eye(16, dtype=bool)]).max() < 5
    # Nor are squares related: a Box-Muller pair shares its radius, not its numbers.
    squares = base.ravel().astype(np.float64) ** 2 - 1
    assert abs((squares[0::2] * squares[1::2]).mean()) < 5 * 2 / np.sqrt(len(squares) / 2)


@pytest.mark.parametrize("place", GOLDEN)
def test_golden_values(place: tuple[int, str, int]) -> None:
    seed, stream, start = place
    wanted = np.array(GOLDEN[place], np.float32)
    drawn = NoiseField(seed, stream, wanted.shape[1]).frames(start, len(wanted))
    np.testing.assert_allclose(drawn, wanted, rtol=2e-7)  # one bit, for other libraries' sake


def test_it_is_fast() -> None:
    field = NoiseField(1, "latents", 128)
    best = np.inf
    for _ in range(5):
        begun = time.perf_counter()
        field.frames(3, 4000)
        best = min(best, time.perf_counter() - begun)
    assert 4000 * 128 / best > 2e6  # some 30e6 on an idle core


@pytest.mark.parametrize(("width", "count"), [(0, 1), (-1, 1), (4, -1)])
def test_nonsense_is_refused(width: int, count: int) -> None:
    with pytest.raises(ValueError, match=r"width|frames"):
        NoiseField(1, "latents", width).frames(0, count)


def test_no_frames_are_an_empty_array() -> None:
    assert NoiseField(1, "latents", 4).frames(17, 0).shape == (0, 4)


def test_windows_of_one_seed_have_one_identity() -> None:
    """Whatever their place and length, but for the root of it; of another seed, another one."""
    means = [
        Take(seed).windows(16).window(start, count).mean(axis=0, dtype=np.float64) * count**0.5
        for seed, start, count in [(3, 0, 36), (3, 1000, 36), (3, 77, 108), (4, 0, 36)]
    ]
    np.testing.assert_allclose(means[1], means[0], atol=1e-5)
    np.testing.assert_allclose(means[2], means[0], atol=1e-5)
    assert np.abs(means[3] - means[0]).max() > 0.1
    shares = [Take(3, feed, 0.0).windows(16).window(0, 36).mean(axis=0) * 6 for feed in (0, 1)]
    np.testing.assert_allclose(shares[1], shares[0], atol=1e-5)


def test_windows_differ_from_their_field_by_their_mean_alone() -> None:
    field = NoiseField(3, "latents", 16)
    made = Identified(field, NoiseField(3, "identity", 16)).window(-20, 36)
    off = made - field.frames(-20, 36)
    np.testing.assert_allclose(off, np.broadcast_to(off[0], off.shape), atol=1e-6)
    assert np.abs(off).max() > 0.01 and made.dtype == np.float32


def test_windows_of_many_seeds_are_standard_normal() -> None:
    """Each by itself is what white noise is: no frame is likelier than another, or akin to it."""
    drawn = np.stack([Take(seed).windows(128).window(5, 12) for seed in range(300)])
    assert abs(drawn.mean()) < 0.01 and abs(drawn.std() - 1) < 0.01
    values = drawn.swapaxes(0, 1).reshape(12, -1).astype(np.float64)
    akin = np.corrcoef(values) - np.eye(12)
    assert np.abs(akin).max() < 5 / values.shape[1] ** 0.5
    np.testing.assert_allclose(values.std(axis=1), 1, atol=0.02)


@given(st.integers(-3000, 3000), st.lists(st.integers(0, 60), min_size=1, max_size=5))
def test_any_slicing_of_calmer_noise_gives_the_same_bits(start: int, cuts: list[int]) -> None:
    calm = Unrest(0.3, 10).of(NoiseField(3, "latents", 16))
    begins = itertools.accumulate(cuts[:-1], initial=start)
    parts = [calm.frames(begin, count) for begin, count in zip(begins, cuts, strict=True)]
    whole = calm.frames(start, sum(cuts))
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert whole.shape == (sum(cuts), 16) and whole.dtype == np.float32


def _slow(noise: NDArray[np.float32]) -> float:
    """Deviation of the means of a hundred frames each."""
    return float(noise.reshape(-1, 100, noise.shape[1]).mean(1, dtype=np.float64).std())


@pytest.mark.parametrize("share", [0.0, 0.5, 1.5])
def test_unrest_is_of_the_slow_part_alone(share: float) -> None:
    field = NoiseField(3, "latents", 16)
    white = field.frames(0, 40_000)
    made = Unrest(share, 10).of(field).frames(0, 40_000)
    # A mean of a hundred holds some of what is not slow: at its edges a triangle looks beyond it.
    assert _slow(made) / _slow(white) == pytest.approx(share, abs=0.2)
    flips = np.where(np.arange(40_000) % 2, 1.0, -1.0)[:, None]  # the quickest there is
    assert abs(((made - white) * flips).mean(0)).max() < 0.01
    assert made.std() == pytest.approx(1.0, abs=0.07)


def test_white_noise_is_left_alone_and_a_loop_closes() -> None:
    field = NoiseField(3, "latents", 16)
    assert Unrest(1.0, 10).of(field) is field
    loop = Unrest(0.5, 10).of(NoiseField(3, "latents", 16, 7))  # shorter than what it looks at
    np.testing.assert_array_equal(loop.frames(-3, 9), loop.frames(4, 9))


def test_calmer_windows_keep_their_identity() -> None:
    calm, white = (Take(3).windows(16, None, Unrest(share, 10)).window(5, 36) for share in (0, 1))
    np.testing.assert_array_equal(white, Take(3).windows(16).window(5, 36))
    np.testing.assert_allclose(calm.mean(0), white.mean(0), atol=1e-6)
    assert calm[:18].mean(0).std() < 0.8 * white[:18].mean(0).std()


@pytest.mark.parametrize(("share", "reach"), [(-0.1, 10), (0.5, 0)])
def test_unrest_of_nothing_is_refused(share: float, reach: int) -> None:
    with pytest.raises(ValueError, match="cannot keep"):
        Unrest(share, reach)
