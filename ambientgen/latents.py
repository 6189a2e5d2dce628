"""From noise to latents: the diffusion stage.

Each call builds its own sampler and leaves nothing behind, so windows are independent of each
other, of their order and of who renders them. Nothing here draws random numbers: the noise is an
argument, and solvers that add noise of their own are refused.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ambientgen.errors import Problem, UsageError
from ambientgen.loa import Conditioning
from ambientgen.models.configuration import UnsupportedError
from ambientgen.models.loading import Model
from ambientgen.models.nets.unet import Unet
from ambientgen.models.solver import Step, solver_steps
from ambientgen.scene.scene import DEFAULT_SCHEDULER

Predict = Callable[[Tensor, Tensor], Tensor]  # of a sample (B, C, T, F) at a timestep
Sampler = Callable[[Tensor, Predict], Tensor]  # from noise to latents

PNDM = "PNDMScheduler"
# The deterministic ones of diffusers' KarrasDiffusionSchedulers, by module. Left out are those that
# draw noise at each step (DDPM, both ancestral ones, SDE), EDM's, which knows no beta schedule, and
# LMS, which needs scipy.
SCHEDULERS = {
    "DDIMScheduler": "scheduling_ddim",
    "DEISMultistepScheduler": "scheduling_deis_multistep",
    "DPMSolverMultistepScheduler": "scheduling_dpmsolver_multistep",
    "DPMSolverSinglestepScheduler": "scheduling_dpmsolver_singlestep",
    "EulerDiscreteScheduler": "scheduling_euler_discrete",
    "HeunDiscreteScheduler": "scheduling_heun_discrete",
    "KDPM2DiscreteScheduler": "scheduling_k_dpm_2_discrete",
    PNDM: "scheduling_pndm",
    "UniPCMultistepScheduler": "scheduling_unipc_multistep",
}

RUNGE_KUTTA_STEPS = 4
"""As many begin a PNDM (Liu et al. 2022): its multistep rule is of order four."""


@dataclass(frozen=True)
class SamplerOptions:
    """How noise becomes latents.

    `guidance` above 1 pushes away from `negative` (the encoded negative prompt, or of ""), at twice
    the cost; 1 or less means none. `scheduler` is a name of `SCHEDULERS`. With a `strength` below 1
    what begins is not noise, but clean latents with as much of it as `start_amplitudes` says.
    """

    steps: int
    guidance: float = 1.0
    negative: Conditioning | None = None
    scheduler: str = DEFAULT_SCHEDULER
    strength: float = 1.0


def denoise(
    model: Model,
    noise: Tensor,
    conditionings: Sequence[Conditioning],
    options: SamplerOptions,
    checkpoint: Callable[[], None] = lambda: None,
) -> Tensor:
    """Latents (B, C, T, F), float32 on the CPU, from `noise` of that shape: standard normal, or
    as restless as a model asks for.

    `checkpoint` is called before each step; what it raises ends the work.

    One conditioning for each of the B windows. T must be a multiple of what the UNet halves
    (the model's `rule.multiple`). Raises UsageError for an unknown scheduler, or for guidance
    without a negative conditioning.
    """
    hear = _predictor(model, len(noise), conditionings, options, checkpoint)
    solve = _sampler(model.scheduler_config, options)
    with torch.inference_mode():
        latents = solve(noise.to(model.device, torch.float32), hear)
        return latents.float().contiguous().cpu()


def _predictor(
    model: Model,
    windows: int,
    conditionings: Sequence[Conditioning],
    options: SamplerOptions,
    checkpoint: Callable[[], None],
) -> Predict:
    """The UNet's prediction for `windows` windows, guided as the options say."""
    guided = options.guidance > 1
    if guided and options.negative is None:
        raise UsageError(Problem("render.guidance", "guidance above 1 needs a negative prompt"))
    if len(conditionings) != windows:
        raise ValueError(f"{len(conditionings)} conditionings for {windows} windows")
    # The stock pipeline's order: unguided half first.
    negatives = [options.negative] * windows if guided and options.negative else []
    hear = _listener(model, [*negatives, *conditionings])

    def predict(sample: Tensor, timestep: Tensor) -> Tensor:
        checkpoint()
        if not guided:
            return hear(sample, timestep)
        both = hear(torch.cat([sample, sample]), timestep)
        unguided, wanted = both.chunk(2)
        return unguided + options.guidance * (wanted - unguided)

    return predict


def _sampler(config: dict[str, Any], options: SamplerOptions) -> Sampler:
    """The named sampler with the model's own noise schedule and prediction: the default one is our
    own where it can be, others are of diffusers."""
    if options.scheduler not in SCHEDULERS:
        remedy = f"choose one of {', '.join(SCHEDULERS)}"
        what = f"{options.scheduler!r} is no scheduler to use"
        raise UsageError(Problem("render.scheduler", what, remedy))
    if options.scheduler == DEFAULT_SCHEDULER:
        try:
            return partial(_solve, solver_steps(config, options.steps, options.strength))
        except UnsupportedError:
            pass
    if options.strength < 1:
        what = f"{options.scheduler} cannot begin with a sound"
        remedy = f"use {DEFAULT_SCHEDULER} for layers with a `strength`"
        if options.scheduler == DEFAULT_SCHEDULER:  # this model's is not the one that is our own
            remedy = "use another model for layers with a `strength`"
        raise UsageError(Problem("render.scheduler", what, remedy))
    module = importlib.import_module(f"diffusers.schedulers.{SCHEDULERS[options.scheduler]}")
    # Of fewer steps than it begins with in Runge and Kutta's way, PNDM makes none: it goes on
    # without, as it does with the published models.
    few = options.scheduler == PNDM and options.steps < RUNGE_KUTTA_STEPS
    changed = {"skip_prk_steps": True} if few else {}
    scheduler = getattr(module, options.scheduler).from_config(config, **changed)
    scheduler.set_timesteps(options.steps)
    return partial(_solve_stock, scheduler)


def _solve(steps: Sequence[Step], latents: Tensor, predict: Predict) -> Tensor:
    """Unit noise led to clean latents by our own solver."""
    before = torch.zeros_like(latents)
    for step in steps:
        timestep = torch.tensor(step.timestep, device=latents.device)
        prediction = predict(latents, timestep)
        clean = step.sample_to_clean * latents + step.prediction_to_clean * prediction
        latents = step.keep * latents + step.toward * clean + step.momentum * before
        before = clean
    return latents


def _solve_stock(scheduler: Any, noise: Tensor, predict: Predict) -> Tensor:
    """Unit noise led to clean latents by a scheduler of diffusers, made for this call."""
    latents = noise * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps.to(noise.device):
        sample = scheduler.scale_model_input(latents, timestep)
        prediction = predict(sample, timestep)
        latents = scheduler.step(prediction, timestep, latents, return_dict=False)[0]
    return torch.as_tensor(latents)


def _listener(model: Model, conditionings: Sequence[Conditioning]) -> Predict:
    """The UNet told what windows are to be: its prediction (B, C, T, F), float32.

    A mask that masks nothing is left out: attention then takes the quicker way to the same sum.
    Ours keeps what it makes of the conditioning from one step to the next; the stock class is
    called the way the stock pipeline calls it.
    """
    lengths = {len(each.text) for each in conditionings}
    masked = len(lengths) > 1 or not all(bool(each.text_mask.all()) for each in conditionings)
    context = _stack(model, conditionings)
    mask = context.text_mask if masked else None
    if isinstance(model.unet, Unet):
        unet = model.unet
        streams = unet.streams(context.loa, context.text, mask)

        def ask(sample: Tensor, timestep: Tensor) -> Tensor:
            return unet.predict(sample, timestep, streams)
    else:
        ask = partial(_ask_stock, model.unet, context, mask)

    def hear(sample: Tensor, timestep: Tensor) -> Tensor:
        ready = sample.to(model.dtype, memory_format=torch.channels_last)
        return ask(ready, timestep).float()

    return hear


def _ask_stock(
    unet: nn.Module, context: Conditioning, mask: Tensor | None, sample: Tensor, timestep: Tensor
) -> Tensor:
    prediction: Tensor = unet(
        sample,
        timestep,
        encoder_hidden_states=context.loa,
        encoder_hidden_states_1=context.text,
        encoder_attention_mask_1=mask,
    )[0]
    return prediction


def _stack(model: Model, conditionings: Sequence[Conditioning]) -> Conditioning:
    """Conditionings as one batch on the device: shorter texts are padded, and masked there."""
    longest = max(len(each.text) for each in conditionings)

    def padded(values: Tensor) -> Tensor:
        more = longest - len(values)
        return torch.cat([values, values.new_zeros(more, *values.shape[1:])])

    return Conditioning(
        loa=torch.stack([each.loa for each in conditionings]).to(model.device, model.dtype),
        text=torch.stack([padded(each.text) for each in conditionings]).to(
            model.device, model.dtype
        ),
        text_mask=torch.stack([padded(each.text_mask) for each in conditionings]).to(model.device),
    )
