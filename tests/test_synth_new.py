"""The textures of the falls, the indoors and the made world, and the places they are heard in."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ambientgen.synth.acoustics import FARTHEST_DB, Place, apply
from ambientgen.synth.signals import RATE, Samples

NAMES = (
    "waterfall",
    "footsteps",
    "train",
    "room",
    "dishes",
    "music",
    "drone",
    "conversation",
)
SECONDS = 3


def texture(name: str) -> Callable[..., Samples]:
    made: Callable[..., Samples] = getattr(import_module(f"ambientgen.synth.{name}"), name)
    return made


def kinds(name: str) -> dict[str, str]:
    named: dict[str, str] = import_module(f"ambientgen.synth.{name}").KINDS
    return named


FIRST = [(name, next(iter(kinds(name)))) for name in NAMES]
OTHERS = [(name, kind) for name in NAMES for kind in list(kinds(name))[1:]]
PAIRS = [*FIRST, *(pytest.param(*pair, marks=pytest.mark.slow) for pair in OTHERS)]


def decibels(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(samples**2) + 1e-20))


def made(name: str, intensity: float, seed: int, kind: str | None = None) -> Samples:
    return texture(name)(np.full(SECONDS * RATE, intensity), np.random.default_rng(seed), kind)


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_level_climbs_with_intensity(name: str, kind: str) -> None:
    steps = [
        np.mean([decibels(made(name, level, seed, kind)) for seed in (1, 2)])
        for level in (0.1, 0.5, 1.0)
    ]
    assert np.all(np.diff(steps) > 1)
    assert 17 < steps[-1] - steps[0] < 30
    assert -29 < steps[-1] < -19


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_zero_is_silence_and_full_level_fits(name: str, kind: str) -> None:
    assert not made(name, 0.0, 3, kind).any()
    full = made(name, 1.0, 3, kind)
    assert full.shape == (SECONDS * RATE,) and np.isfinite(full).all()
    assert np.abs(full).max() < 1


@pytest.mark.parametrize("name", NAMES)
def test_seed_decides_everything(name: str) -> None:
    assert np.array_equal(made(name, 0.6, 5), made(name, 0.6, 5))
    assert not np.array_equal(made(name, 0.6, 5), made(name, 0.6, 6))


@pytest.mark.parametrize("name", NAMES)
def test_sound_follows_a_moving_curve(name: str) -> None:
    n = SECONDS * RATE
    rising = texture(name)(np.linspace(0.05, 1, n), np.random.default_rng(7))
    assert decibels(rising[-n // 3 :]) > decibels(rising[: n // 3]) + 6


@pytest.mark.parametrize("name", NAMES)
def test_unknown_kind_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        made(name, 0.5, 0, "velvet")


def test_phrases_are_unique() -> None:
    phrases = [phrase for name in NAMES for phrase in kinds(name).values()]
    assert len(set(phrases)) == len(phrases)


def _onsets(samples: Samples) -> int:
    """Sudden rises by more than 6 dB above the mean of the last 60 ms."""
    hop = RATE // 100
    power = (samples[: len(samples) // hop * hop].reshape(-1, hop) ** 2).mean(1)
    before = np.array([power[max(0, i - 6) : i].mean() for i in range(1, len(power))])
    return int(np.sum(power[1:] > 4 * before + 0.05 * power.max()))


@pytest.mark.parametrize("name", ["footsteps", "dishes"])
def test_events_grow_more_frequent(name: str) -> None:
    few, many = (sum(_onsets(made(name, x, seed)) for seed in range(4)) for x in (0.1, 0.6))
    assert many > 1.4 * few


def noise(seed: int) -> Samples:
    return 0.1 * np.random.default_rng(seed).standard_normal(3 * RATE)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_places_keep_the_level(seed: int) -> None:
    place = Place.draw(np.random.default_rng(seed))
    heard = apply(noise(seed), place, np.random.default_rng(seed))
    change = decibels(heard) - decibels(noise(seed))
    assert heard.shape == (3 * RATE,) and np.isfinite(heard).all()
    assert abs(change - FARTHEST_DB * place.distance) < 1


def test_half_of_the_places_are_open() -> None:
    drawn = [Place.draw(np.random.default_rng(seed)) for seed in range(300)]
    assert 0.4 < np.mean([place == Place() for place in drawn]) < 0.6
    assert all(bool(place.words) == (place != Place()) for place in drawn)
    assert len({place.words for place in drawn}) > 10


def test_open_place_changes_nothing_and_silence_stays() -> None:
    rng = np.random.default_rng(0)
    assert np.allclose(apply(noise(0), Place(), rng), noise(0))
    cave = Place(reverb_s=5.0, wet=0.7, words="in a cave")
    assert not apply(np.zeros(RATE), cave, rng).any()


def test_a_cave_rings_after_the_sound() -> None:
    click = np.zeros(3 * RATE)
    click[RATE : RATE + 200] = 0.5
    near, cave = (
        apply(click, Place(reverb_s=seconds, wet=0.5), np.random.default_rng(1))
        for seconds in (0.3, 4.0)
    )
    late = slice(2 * RATE, 3 * RATE)
    assert decibels(cave[late]) > decibels(near[late]) + 20
    # RT60: 4 s after the sound it is 60 dB down, so 15 dB a second.
    fall = decibels(cave[RATE * 3 // 2 : RATE * 7 // 4]) - decibels(cave[RATE * 5 // 2 :][:4000])
    assert 11 < fall < 22


def test_limits_take_the_band_away() -> None:
    def share(place: Place, low: float, high: float) -> float:
        heard = apply(noise(2), place, np.random.default_rng(0))
        power = np.abs(np.fft.rfft(heard)) ** 2
        hz = np.fft.rfftfreq(len(heard), 1 / RATE)
        return float(power[(hz >= low) & (hz < high)].sum() / power.sum())

    assert share(Place(low_hz=300, high_hz=3400), 300, 3400) > 0.85
    assert share(Place(high_hz=600), 0, 700) > 0.9
    assert share(Place(distance=1.0), 4000, 8000) < 0.5 * share(Place(), 4000, 8000)
