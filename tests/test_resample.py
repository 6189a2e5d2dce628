"""Loops of any length: the same in every turn and however they are cut, and true to the sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambientgen.limiter import LimiterSettings, StretchLimiter
from ambientgen.noise import NoiseField
from ambientgen.resample import pieces, resampled, source
from ambientgen.units import Geometry, Loop

POCKET = Geometry(16000, 160, 64, 8, 16)


def made(loop: Loop, first: int, end: int) -> np.ndarray:
    """A sine of 400 turns a loop and one of 9, at samples of the loop as made."""
    at = np.arange(first, end) % loop.made_samples / loop.made_samples * 2 * np.pi
    return (np.sin(400 * at) + np.cos(9 * at)).astype(np.float32)


@given(st.integers(64_000, 200_000), st.integers(-300_000, 300_000), st.integers(1, 300))
def test_a_resampled_sine_is_that_sine_wherever_it_is_asked_for(
    samples: int, first: int, count: int
) -> None:
    loop = Loop.of(samples, POCKET)
    assert abs(loop.made_samples - samples) <= 1280
    low, high = source(loop, first, first + count)
    got = resampled(loop, (made(loop, low, high), low, first, first + count))
    at = np.arange(first, first + count) % samples / samples * 2 * np.pi
    np.testing.assert_allclose(got, np.sin(400 * at) + np.cos(9 * at), atol=5e-4)
    low, high = source(loop, first + samples, first + samples + count)
    again = resampled(loop, (made(loop, low, high), low, first + samples, first + samples + count))
    np.testing.assert_array_equal(got, again)


def test_pieces_do_not_depend_on_how_the_stream_is_cut() -> None:
    loop = Loop.of(64_480, POCKET)
    low, high = source(loop, -500, 30_000)
    stream = made(loop, low, high)
    whole = resampled(loop, (stream, low, -500, 30_000))
    blocks = np.array_split(stream, 17)
    cut = [resampled(loop, piece) for piece in pieces(blocks, low, loop, -500, 30_000)]
    np.testing.assert_array_equal(np.concatenate(cut), whole)


@pytest.mark.parametrize("samples", [4_000, 4_007])
def test_the_limiter_goes_round(samples: int) -> None:
    """A peak just before the joint turns down what comes after it, in every turn alike."""
    turn = np.random.default_rng(1).standard_normal(samples).astype(np.float32) * 0.2
    turn[-3] = 3.0
    stream = np.tile(turn, 4)  # from one turn before the start
    limiter = StretchLimiter(LimiterSettings(), 16000, -samples, (0, 2 * samples), samples)
    out = np.concatenate(list(limiter.limited(np.array_split(stream, 9))))
    assert len(out) == 2 * samples and np.abs(out).max() <= 10 ** (-1 / 20) + 1e-6
    np.testing.assert_array_equal(out[:samples], out[samples:])
    gain = out / np.tile(turn, 2)
    around = np.abs(np.diff(gain))
    assert gain[samples + 20] < 0.95 and around[samples - 1] <= 2 * np.sort(around)[-20]


@given(st.integers(1, 50), st.integers(-120, 120), st.integers(0, 130))
def test_noise_goes_round(period: int, start: int, count: int) -> None:
    once = NoiseField(3, "latents", 2).frames(0, period)
    got = NoiseField(3, "latents", 2, period).frames(start, count)
    np.testing.assert_array_equal(got, once[np.arange(start, start + count) % period])
