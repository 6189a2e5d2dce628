"""The diffusion stage: equal to the stock pipeline's, and a function of its input alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from ambientgen.errors import UsageError
from ambientgen.latents import PNDM, RUNGE_KUTTA_STEPS, SCHEDULERS, SamplerOptions, denoise
from ambientgen.loa import Conditioning, condition
from ambientgen.models.loading import Model
from ambientgen.scene.scene import DEFAULT_SCHEDULER, SchedulerName

PROMPT, NEGATIVE = "heavy rain on a lake", "no wind on the sound"  # of equal T5 length
FRAMES, STEPS = 64, 4
STRAIGHT_TO_NOISE = {
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
}


@pytest.fixture(scope="module")
def noise() -> Tensor:
    return torch.randn(2, 8, FRAMES, 16, generator=torch.Generator().manual_seed(7))


@pytest.fixture(scope="module")
def prompt(hub_model: Model) -> Conditioning:
    return condition(hub_model, PROMPT)


@pytest.fixture(scope="module")
def negative(hub_model: Model) -> Conditioning:
    return condition(hub_model, NEGATIVE)


def stock_latents(pipeline: Any, noise: Tensor, scheduler: str, guidance: float) -> Tensor:
    """The stock pipeline's own call, its scheduler swapped, from the same noise."""
    import diffusers

    published = pipeline.scheduler
    pipeline.scheduler = getattr(diffusers, scheduler).from_config(published.config)
    try:
        output = pipeline(
            [PROMPT] * len(noise),
            negative_prompt=[NEGATIVE] * len(noise),
            audio_length_in_s=FRAMES * 0.04,
            num_inference_steps=STEPS,
            guidance_scale=guidance,
            latents=noise.clone(),
            output_type="latent",
        )
    finally:
        pipeline.scheduler = published
    latents: Tensor = output.audios
    return latents


@pytest.mark.parametrize("guidance", [1.0, 3.5])
@pytest.mark.parametrize(
    "scheduler", [DEFAULT_SCHEDULER, "DDIMScheduler", "EulerDiscreteScheduler"]
)
def test_latents_equal_the_stock_pipelines(
    hub_model: Model,
    stock_pipeline: Any,
    noise: Tensor,
    prompt: Conditioning,
    negative: Conditioning,
    scheduler: str,
    guidance: float,
) -> None:
    assert prompt.text.shape == negative.text.shape, "the stock pipeline would pad the shorter"
    options = SamplerOptions(STEPS, guidance, negative, scheduler)
    ours = denoise(hub_model, noise, [prompt, prompt], options)
    wanted = stock_latents(stock_pipeline, noise, scheduler, guidance)
    assert ours.shape == noise.shape
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, wanted, atol=1e-4, rtol=1e-4)


def test_guidance_prompt_and_steps_are_heard(
    hub_model: Model, noise: Tensor, prompt: Conditioning, negative: Conditioning
) -> None:
    plain = denoise(hub_model, noise, [prompt, prompt], SamplerOptions(STEPS))
    others = [
        denoise(hub_model, noise, [prompt, prompt], SamplerOptions(STEPS, 3.5, negative)),
        denoise(hub_model, noise, [prompt, prompt], SamplerOptions(STEPS + 1)),
        denoise(hub_model, noise, [negative, negative], SamplerOptions(STEPS)),
        denoise(hub_model, noise, [replace(prompt, loa=negative.loa)] * 2, SamplerOptions(STEPS)),
        denoise(hub_model, noise, [replace(prompt, text=negative.text)] * 2, SamplerOptions(STEPS)),
    ]
    for other in others:
        assert (other - plain).abs().max() > 1e-3


def test_the_same_call_gives_the_same_bits_and_leaves_no_trace(
    hub_model: Model, noise: Tensor, prompt: Conditioning
) -> None:
    options = SamplerOptions(STEPS)
    random_state, config = torch.get_rng_state(), dict(hub_model.scheduler_config)
    kept = noise.clone()
    first = denoise(hub_model, noise, [prompt, prompt], options)
    denoise(hub_model, noise * 2, [prompt, prompt], SamplerOptions(2, scheduler="DDIMScheduler"))
    assert torch.equal(first, denoise(hub_model, noise, [prompt, prompt], options))
    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.equal(noise, kept)
    assert hub_model.scheduler_config == config


def test_windows_of_a_batch_do_not_hear_each_other(
    hub_model: Model, noise: Tensor, prompt: Conditioning, negative: Conditioning
) -> None:
    both = denoise(hub_model, noise, [prompt, negative], SamplerOptions(STEPS))
    alone = denoise(hub_model, noise[1:], [negative], SamplerOptions(STEPS))
    torch.testing.assert_close(both[1:], alone, atol=1e-4, rtol=1e-4)


def test_texts_of_other_length_are_padded_and_masked(
    hub_model: Model, noise: Tensor, prompt: Conditioning
) -> None:
    short = condition(hub_model, "wind")
    assert len(short.text) < len(prompt.text)
    together = denoise(hub_model, noise, [prompt, short], SamplerOptions(STEPS))
    alone = denoise(hub_model, noise[1:], [short], SamplerOptions(STEPS))
    torch.testing.assert_close(together[1:], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_every_scheduler_runs_and_is_deterministic(
    hub_model: Model, noise: Tensor, prompt: Conditioning, scheduler: str
) -> None:
    options = SamplerOptions(STEPS, scheduler=scheduler)
    first = denoise(hub_model, noise[:1], [prompt], options)
    assert first.isfinite().all()
    assert torch.equal(first, denoise(hub_model, noise[:1], [prompt], options))


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_pndm_goes_without_the_beginning_that_it_has_no_steps_for(
    hub_model: Model, noise: Tensor, prompt: Conditioning, steps: int
) -> None:
    def made(skip: bool) -> Tensor:
        config = {**hub_model.scheduler_config, **STRAIGHT_TO_NOISE, "skip_prk_steps": skip}
        model = replace(hub_model, scheduler_config=config)
        return denoise(model, noise[:1], [prompt], SamplerOptions(steps, scheduler=PNDM))

    assert made(False).isfinite().all()
    assert torch.equal(made(False), made(True)) == (steps < RUNGE_KUTTA_STEPS)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_velocity_prediction_to_pure_noise_stays_finite(
    hub_model: Model, noise: Tensor, prompt: Conditioning, steps: int
) -> None:
    config = {**hub_model.scheduler_config, **STRAIGHT_TO_NOISE}
    model = replace(hub_model, scheduler_config=config)
    latents = denoise(model, noise[:1], [prompt], SamplerOptions(steps))
    assert latents.isfinite().all()
    assert not torch.allclose(
        latents, denoise(hub_model, noise[:1], [prompt], SamplerOptions(steps))
    )


def test_the_schedulers_are_the_deterministic_ones_of_diffusers() -> None:
    from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers

    noisy = {
        "DDPMScheduler",
        "EulerAncestralDiscreteScheduler",
        "KDPM2AncestralDiscreteScheduler",
        "DPMSolverSDEScheduler",
    }
    named = {scheduler.name for scheduler in KarrasDiffusionSchedulers}
    assert set(SCHEDULERS) == named - noisy - {"EDMEulerScheduler", "LMSDiscreteScheduler"}
    assert set(SCHEDULERS) == set(get_args(SchedulerName))


@pytest.mark.parametrize("name", ["EulerAncestralDiscreteScheduler", "DDPMScheduler", "nonsense"])
def test_other_schedulers_are_refused(
    hub_model: Model, noise: Tensor, prompt: Conditioning, name: str
) -> None:
    with pytest.raises(UsageError, match=f"'{name}' is no scheduler to use; choose one of DDIM"):
        denoise(hub_model, noise, [prompt, prompt], SamplerOptions(STEPS, scheduler=name))


def test_guidance_without_a_negative_prompt_is_refused(
    hub_model: Model, noise: Tensor, prompt: Conditioning
) -> None:
    with pytest.raises(UsageError, match="needs a negative prompt"):
        denoise(hub_model, noise, [prompt, prompt], SamplerOptions(STEPS, 2.0))
