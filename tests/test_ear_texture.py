"""Texture statistics: what they ignore, what they tell apart."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import resample_poly

from ambientgen.ear.texture import (
    RATE,
    TextureStats,
    differences,
    distance,
    envelopes,
    segments,
    stats,
)
from ambientgen.synth import TEXTURES

Audio = NDArray[np.float64]


def noise(seconds: float, seed: int = 0) -> Audio:
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def texture(name: str, seed: int) -> Audio:
    return TEXTURES[name](np.full(6 * RATE, 0.6), np.random.default_rng(seed))


def test_a_sound_is_at_no_distance_from_itself_at_any_level() -> None:
    audio = noise(5)
    assert distance(stats(audio, RATE), stats(audio, RATE)) == 0
    assert distance(stats(audio, RATE), stats(0.02 * audio, RATE)) < 1e-6


def test_takes_of_one_texture_are_nearer_than_another_texture() -> None:
    heard = {name: [stats(texture(name, s), RATE) for s in (1, 2)] for name in ("waves", "fire")}
    same = max(distance(*pair) for pair in heard.values())
    assert 0 < same < 0.7 * distance(heard["waves"][0], heard["fire"][1])


def test_each_group_counts() -> None:
    """A distance is the mean over groups, none of which is left out."""
    apart = differences(stats(noise(5), RATE), stats(texture("fire", 1), RATE))
    assert set(apart) == set(TextureStats.__annotations__)
    assert min(apart.values()) > 0.05


def test_other_rates_and_channels_are_heard_alike() -> None:
    audio = resample_poly(texture("waves", 3), 3, 1)
    stereo = np.stack([audio, audio], axis=1)
    assert distance(stats(texture("waves", 3), RATE), stats(stereo, 3 * RATE)) < 0.02


def test_attacks_are_told_from_decays() -> None:
    """Sawtooth-shaped noise backwards: the same spectra and powers, other phases."""
    rising = noise(5) * (np.arange(5 * RATE) % (RATE // 4)) / (RATE // 4)
    apart = differences(stats(rising, RATE), stats(rising[::-1], RATE))
    assert apart["across_rates"] > 4 * apart["mean"]
    assert apart["across_rates"] > 0.3
    assert apart["variation"] < 0.1


def test_envelopes_follow_a_slow_modulation() -> None:
    times = np.arange(RATE) / RATE
    swell = 1 + 0.5 * np.sin(2 * np.pi * 4 * times)
    heard = envelopes(np.sin(2 * np.pi * 1000 * times) * swell)
    loudest = heard[heard.mean(axis=1).argmax()]
    expected = swell[::40] ** 0.3
    assert np.corrcoef(loudest, expected)[0, 1] > 0.99


@pytest.mark.parametrize("seconds", [0.5, 3.1, 5.0, 12.3])
def test_segments_cover_the_sound_and_statistics_keep_their_shape(seconds: float) -> None:
    audio = np.arange(round(seconds * RATE), dtype=np.float64)
    parts = segments(audio)
    assert parts[0][0] == 0
    assert parts[-1][-1] >= len(audio) - 40
    assert len({len(part) for part in parts}) == 1
    assert stats(noise(0.5), RATE).modulation.shape == stats(noise(6), RATE).modulation.shape


def test_silence_has_finite_statistics() -> None:
    heard = stats(np.zeros(RATE), RATE)
    assert all(np.isfinite(getattr(heard, name)).all() for name in TextureStats.__annotations__)


def test_too_little_sound_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.25 s are too short"):
        stats(noise(0.25), RATE)
    with pytest.raises(ValueError, match="no statistics"):
        TextureStats.average([])
