"""Guided layers: procedural sound in the noise that windows begin with."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ambientgen.curves import Constant
from ambientgen.errors import UsageError
from ambientgen.latents import SamplerOptions, denoise
from ambientgen.mel import CONTEXT, HOP, bands, log_mel
from ambientgen.messages import ignore
from ambientgen.models.loading import Model, load
from ambientgen.models.registry import resolve
from ambientgen.models.solver import solver_steps, start_amplitudes
from ambientgen.noise import Take, Unrest
from ambientgen.scene.catalogue import KNOWN
from ambientgen.scene.layers import Event, Layer, Placement, Ranged
from ambientgen.scene.scene import Scene
from ambientgen.scene.state import State
from ambientgen.sources.diffused import Diffused, meaning
from ambientgen.sources.guided import Guide, guided_takes
from ambientgen.sources.studio import Studio
from ambientgen.workers import Workers

Floats = NDArray[Any]
RATE = 16_000


@cache
def pocket() -> Model:
    return load(resolve("pocket"), "cpu")


def layer(strength: float | None = 0.3, **fields: Any) -> Layer:
    known = KNOWN["rain"]
    rain = State(name="rain", curve=Constant(0.3), levels=known.levels, plain=known.plain)
    clap = Event(sound="thunder", at_s=4.0, level=(1.0, 1.0))
    common = {"name": "storm", "engine": "procedural", "states": (rain,), "events": (clap,)}
    return Layer(**{**common, "strength": strength, **fields})


def scene(duration_s: float = 7.0, loop: bool = False) -> Scene:
    return Scene(title="", duration_s=duration_s, loop=loop, seed=1)


def rendered(one: Layer, first: int, end: int) -> Floats:
    whole = scene()
    mixture = whole.mixture_of(one)
    takes = guided_takes((Take(mixture.seed),), pocket(), one, whole)
    strength = 1.0 if one.strength is None else one.strength
    with Workers(1) as workers:
        studio = Studio(workers, None, ignore, lambda _: pocket(), lambda _: "", meaning)
        source = Diffused(pocket(), mixture, studio, takes, strength=strength)
        return np.concatenate(list(source.blocks((first, end))))[:, 0]


def decibels(samples: Floats, hop: int) -> Floats:
    power = np.square(samples[: len(samples) // hop * hop]).reshape(-1, hop).mean(axis=1)
    return np.asarray(10 * np.log10(power + 1e-9))


# --- mel -------------------------------------------------------------------------------------


def test_bands_and_mels_are_those_of_the_training() -> None:
    from ambientgen.training.mel import log_mel as trained
    from ambientgen.training.mel import mel_basis

    np.testing.assert_allclose(bands(64), mel_basis().numpy(), atol=1e-6)
    samples = np.random.default_rng(1).standard_normal(RATE).astype(np.float32) * 0.1
    whole = trained(torch.from_numpy(samples)[None])[0].numpy()
    inner = samples[20 * HOP - CONTEXT : 59 * HOP + CONTEXT]
    np.testing.assert_allclose(log_mel(inner, 64), whole[20:60], atol=1e-3)


# --- the sampler's beginning -----------------------------------------------------------------


def test_the_sampler_begins_as_far_up_as_the_strength_says() -> None:
    config = pocket().scheduler_config
    assert solver_steps(config, 4, 1.0) == solver_steps(config, 4)
    signals = []
    for strength in (0.05, 0.2, 0.5, 0.8, 1.0):
        first, *_ = solver_steps(config, 4, strength)
        assert abs(first.timestep - (1000 * strength - 1)) <= 1
        signal, noise = start_amplitudes(config, 4, strength)
        assert signal**2 + noise**2 == pytest.approx(1.0)
        signals.append(signal)
    assert signals == sorted(signals, reverse=True)
    assert signals[0] > 0.95 and signals[-1] < 1e-3


@pytest.mark.parametrize("strength", [0.02, 0.3, 0.75, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 20, 75, 76, 150, 250, 300, 900])
def test_however_many_the_steps_are_they_begin_there(strength: float, steps: int) -> None:
    config, most = pocket().scheduler_config, round(1000 * strength)
    if steps <= most:
        first, *_ = row = solver_steps(config, steps, strength)
        assert (first.timestep, len(row)) == (most - 1, steps)
        assert start_amplitudes(config, steps, strength) == start_amplitudes(config, 1, strength)
        return
    told = f"in {steps} steps at a strength of {strength:g}; use at most {most}, or a higher"
    with pytest.raises(UsageError, match=told):
        solver_steps(config, steps, strength)


def test_a_clean_latent_in_no_noise_is_kept() -> None:
    """A step takes what the network believes in: told the truth, it ends there."""
    config, strength = pocket().scheduler_config, 0.4
    signal, sigma = start_amplitudes(config, 4, strength)
    clean, noise = np.random.default_rng(2).standard_normal((2, 50))
    sample, before = signal * clean + sigma * noise, np.zeros(50)
    for step in solver_steps(config, 4, strength):
        believed = clean
        sample = step.keep * sample + step.toward * believed + step.momentum * before
        before = believed
    np.testing.assert_allclose(sample, clean, atol=1e-6)


def test_a_sampler_that_cannot_begin_with_a_sound_is_refused() -> None:
    options = SamplerOptions(4, scheduler="DDIMScheduler", strength=0.5)
    noise = torch.zeros(1, 16, 8, 8)
    with pytest.raises(UsageError, match="DDIMScheduler cannot begin with a sound"):
        denoise(pocket(), noise, [_told()], options)


def _told() -> Any:
    from ambientgen.loa import condition

    return condition(pocket(), "rain")


# --- the guide -------------------------------------------------------------------------------


@cache
def guide(loop: bool) -> tuple[Guide, Floats]:
    made = Guide(pocket(), layer(), scene(11.3, loop))
    return made, made.frames(0, 300)


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(st.booleans(), st.integers(0, 250), st.integers(1, 50))
def test_any_frames_of_a_guide_are_what_they_are_in_the_whole(
    loop: bool, first: int, count: int
) -> None:
    _, whole = guide(loop)
    fresh = Guide(pocket(), layer(), scene(11.3, loop))
    np.testing.assert_array_equal(fresh.frames(first, count), whole[first : first + count])


def test_a_guide_goes_round_with_its_loop() -> None:
    made, whole = guide(True)
    geometry = pocket().geometry
    period = round(11.3 * RATE / (2 * geometry.samples_per_frame)) * 2
    np.testing.assert_array_equal(whole[:100], whole[period : period + 100])
    np.testing.assert_array_equal(made.frames(-period, 50), whole[:50])
    assert not np.array_equal(whole[:50], whole[period - 1 : period + 49])


def test_a_guide_is_the_sound_as_the_vae_hears_it() -> None:
    made, whole = guide(False)
    vae = pocket().vae
    grid = torch.from_numpy(whole[:64].reshape(64, 16, 8).swapaxes(0, 1).copy())[None]
    with torch.inference_mode():
        mel = vae.decode(grid / vae.config.scaling_factor).sample[0, 0].numpy()
    heard = log_mel(made._samples(-CONTEXT, 511 * HOP + CONTEXT), 64)
    assert np.corrcoef(mel.ravel(), heard.ravel())[0, 1] > 0.85
    assert np.abs(mel.mean(axis=1) - heard.mean(axis=1)).mean() < 0.6


def test_the_layers_gain_is_not_in_its_guide() -> None:
    loud = Placement(gain_db=Ranged(curve=Constant(1.0), low=-60.0, high=24.0))
    one = Guide(pocket(), layer(placement=loud), scene(11.3))
    np.testing.assert_array_equal(one.frames(40, 30), guide(False)[1][40:70])


# --- takes -----------------------------------------------------------------------------------


def test_at_full_strength_takes_stay_as_they_are() -> None:
    takes = (Take(3), Take(3, 1, 0.5))
    for strength in (None, 1.0):
        assert guided_takes(takes, pocket(), layer(strength), scene()) == takes


def test_only_what_windows_begin_with_is_guided() -> None:
    one, two = guided_takes((Take(3), Take(3, 1, 0.0)), pocket(), layer(0.4), scene())
    plain = Take(3).field("vocoder", 160).frames(5, 9)
    np.testing.assert_array_equal(one.field("vocoder", 160).frames(5, 9), plain)
    signal, sigma = start_amplitudes(pocket().scheduler_config, 4, 0.4)
    latents = Guide(pocket(), layer(), scene()).frames(10, 20)
    drawn = Take(3).windows(128).window(10, 20)
    made = one.windows(128).window(10, 20)
    np.testing.assert_allclose(made, signal * latents + sigma * drawn, atol=1e-5)
    assert not np.array_equal(two.windows(128).window(10, 20), made)
    calm = Unrest(0.0, 10)
    steadier = one.windows(128, None, calm).window(10, 20)
    drawn = Take(3).windows(128, None, calm).window(10, 20)
    np.testing.assert_allclose(steadier, signal * latents + sigma * drawn, atol=1e-5)
    assert np.abs(steadier - made).max() > 0.01


@cache
def guided_sound(strength: float | None) -> Floats:
    return rendered(layer(strength), 0, 7 * RATE)


@pytest.mark.slow
def test_a_timed_event_stays_where_it_was() -> None:
    synthesised = guide(False)[0]._samples(0, 7 * RATE)
    made, plain = guided_sound(0.3), guided_sound(None)
    hop = RATE // 100

    def onset_ms(samples: Floats) -> int:
        level = decibels(samples, hop)
        rises = [
            level[i : i + 5].mean() - level[i - 20 : i].mean() for i in range(20, len(level) - 5)
        ]
        return 10 * (int(np.argmax(rises)) + 20)

    assert abs(onset_ms(synthesised) - 4000) <= 20
    assert abs(onset_ms(made) - 4000) <= 50

    def likeness(samples: Floats) -> float:
        envelopes = decibels(samples, RATE // 20), decibels(synthesised, RATE // 20)
        return float(np.corrcoef(*envelopes)[0, 1])

    assert likeness(made) > 0.75
    assert likeness(plain) < 0.5


def test_an_event_over_states_at_0_is_heard() -> None:
    """Windows of states at 0 are silent, but not those that begin with a sound."""
    known = KNOWN["rain"]
    still = State(name="rain", curve=Constant(0.0), levels=known.levels, plain=known.plain)
    one = layer(0.3, states=(still,))
    sound = rendered(one, 0, 7 * RATE)
    before, clap = sound[: 3 * RATE].std(), sound[4 * RATE : 6 * RATE].std()
    assert clap > 10 * before
    assert not rendered(layer(1.0, states=(still,)), 0, 3 * RATE).any()


@pytest.mark.slow
def test_any_stretch_of_a_guided_layer_is_what_it_is_in_the_whole() -> None:
    part = rendered(layer(0.3), 3 * RATE, 5 * RATE)
    np.testing.assert_array_equal(part, guided_sound(0.3)[3 * RATE : 5 * RATE])
