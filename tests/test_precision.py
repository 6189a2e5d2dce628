"""The way a GPU renders, on the CPU: half the precision, batches of windows, the same shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ambientgen.latents import SamplerOptions, denoise
from ambientgen.loa import condition
from ambientgen.models.loading import Model, dtype_for, load
from ambientgen.models.registry import resolve
from ambientgen.noise import Take
from ambientgen.stretch import Reach
from ambientgen.waveform import Decoder
from ambientgen.workers import Workers

WINDOWS, FRAMES = 3, 32


@pytest.fixture(scope="module")
def full() -> Model:
    return load(resolve("pocket"), "cpu")


@pytest.fixture(scope="module")
def half() -> Model:
    return load(resolve("pocket"), "cpu", torch.bfloat16)


def noise() -> torch.Tensor:
    drawn = np.random.default_rng(0).standard_normal((WINDOWS, 16, FRAMES, 8)).astype("f4")
    return torch.from_numpy(drawn)


def test_gpus_compute_in_half() -> None:
    assert dtype_for(torch.device("cuda")) == torch.float16
    assert dtype_for(torch.device("mps")) == dtype_for(torch.device("cpu")) == torch.float32


def test_text_stays_in_full_precision(half: Model) -> None:
    networks = (half.text_encoder, half.text_encoder_2, half.projection_model, half.language_model)
    assert {p.dtype for each in networks for p in each.parameters()} == {torch.float32}
    assert {p.dtype for p in half.unet.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize(("guidance", "dtype"), [(1.0, torch.bfloat16), (2.5, torch.float16)])
def test_batches_in_half_are_near_full_precision(
    full: Model, guidance: float, dtype: torch.dtype
) -> None:
    """Prompts of unequal length share the batch; latents come out in full precision."""
    half = load(resolve("pocket"), "cpu", dtype)
    prompts = ["heavy rain", "a light breeze and steady rain", "no rain"]
    latents = []
    for model in (full, half):
        told = [condition(model, prompt) for prompt in prompts]
        options = SamplerOptions(2, guidance, condition(model, ""))
        latents.append(denoise(model, noise(), told, options))
    wanted, found = latents
    assert found.dtype == torch.float32 and found.shape == wanted.shape == noise().shape
    likeness = np.corrcoef(found.flatten(), wanted.flatten())[0, 1]
    assert likeness > 0.98


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sound_in_half_is_near_full_precision(full: Model, dtype: torch.dtype) -> None:
    half = load(resolve("pocket"), "cpu", dtype)
    reach = Reach(0, 16_000, 160, 8, full.geometry.chunk)
    rows = np.random.default_rng(1).standard_normal((128, 80)).astype("f4")
    sounds = []
    for model in (full, half):
        with Workers(1) as workers:
            decoder = Decoder(model, Take(7), workers)
            sounds.append(np.concatenate([*decoder.decode([rows], 0, reach)]))
    wanted, found = sounds
    assert found.dtype == np.float32 and found.shape == wanted.shape == (16_000,)
    assert np.corrcoef(found, wanted)[0, 1] > 0.9
