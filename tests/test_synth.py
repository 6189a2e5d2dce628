"""The procedural textures: every one, every kind, as the registry promises them."""

from __future__ import annotations

import numpy as np
import pytest

from ambientgen.scene.catalogue import KNOWN
from ambientgen.synth import TEXTURES, Samples
from ambientgen.synth.signals import RATE, choose

KINDS = [(name, kind) for name, texture in TEXTURES.items() for kind in texture.kinds]


def take(
    name: str, intensity: float, seed: int, seconds: float = 4, kind: str | None = None
) -> Samples:
    curve = np.full(int(seconds * RATE), intensity)
    return TEXTURES[name](curve, np.random.default_rng(seed), kind)


def test_the_registry_names_what_the_catalogue_names_in_its_order() -> None:
    assert list(TEXTURES) == list(KNOWN)


def test_no_two_kinds_share_a_phrase() -> None:
    phrases = [phrase for texture in TEXTURES.values() for phrase in texture.kinds.values()]
    assert all(phrases)
    assert len(phrases) == len(set(phrases))


@pytest.mark.parametrize("name", TEXTURES)
def test_intensity_zero_is_silence(name: str) -> None:
    assert not take(name, 0.0, 1, seconds=2).any()


@pytest.mark.parametrize("name", TEXTURES)
def test_the_sound_rises_with_its_intensity(name: str) -> None:
    def rms(intensity: float) -> float:
        takes = [take(name, intensity, seed) for seed in range(3)]
        return float(np.sqrt(np.mean(np.square(takes))))

    levels = [rms(intensity) for intensity in (0.05, 0.25, 0.5, 0.75, 1.0)]
    assert levels == sorted(levels), levels
    assert 6 * levels[0] < levels[-1] < 0.5, levels


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_every_kind_sounds_and_is_a_function_of_its_seed(name: str, kind: str) -> None:
    one, again = (take(name, 0.8, 5, seconds=2, kind=kind) for _ in range(2))
    assert one.shape == (2 * RATE,)
    assert np.isfinite(one).all()
    assert one.any()
    np.testing.assert_array_equal(one, again)


@pytest.mark.parametrize("name", TEXTURES)
def test_an_unknown_kind_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="nonesuch"):
        take(name, 0.5, 0, seconds=1, kind="nonesuch")


def test_a_kind_is_drawn_where_none_is_named() -> None:
    kinds = {"one": "a", "two": "b"}
    drawn = {choose(kinds, None, np.random.default_rng(seed)) for seed in range(20)}
    assert drawn == set(kinds)


@pytest.mark.parametrize("kind", TEXTURES["waves"].kinds)
def test_waves_swell_and_break_under_a_constant_intensity(kind: str) -> None:
    for seed in range(3):
        surf = take("waves", 0.7, seed, seconds=12, kind=kind)
        power = np.mean(surf.reshape(-1, RATE // 2) ** 2, axis=1)
        assert 10 * np.log10(power.max() / power.min()) >= 8, (kind, seed)
