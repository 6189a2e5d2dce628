"""The ways compared: where a window's noise comes from, what windows exchange, where they join."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ambientgen.crossfade import ramp
from ambientgen.latents import denoise
from ambientgen.loa import Conditioning
from ambientgen.models.solver import Step, solver_steps
from ambientgen.training.seams.takes import (
    Take,
    from_inner_latents,
    from_latents,
    from_unlevelled_latents,
    from_waveforms,
    rows_of,
)
from ambientgen.windows import Window

FloatArray = NDArray[np.float32]

Maker = Callable[[Take], list[FloatArray]]  # windows as rows over time, in order of time
Joiner = Callable[[Take, Sequence[FloatArray]], Iterator[FloatArray]]  # blocks of samples
Exchange = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""What both sides of an overlap, (1, C, T, F) each, hold after a step."""


@dataclass(frozen=True)
class Way:
    """One way from noise to joined sound.

    `share`: windows of one length that overlap by so much of it; None: as the model's rule and the
    curves cut them, with the overlap `overlap_s` (None: the rule's).
    """

    name: str
    title: str
    make: Maker
    join: Joiner = from_latents
    share: float | None = None
    overlap_s: float | None = None

    @property
    def cut(self) -> tuple[float | None, float | None]:
        """What its windows depend on."""
        return self.share, self.overlap_s

    @property
    def source(self) -> tuple[Maker, tuple[float | None, float | None]]:
        """What its latents depend on: ways of one source share them."""
        return self.make, self.cut

    def frames_a_second(self, take: Take) -> tuple[float, float]:
        """Latent frames that UNet (in each step) and VAE work on for a second of sound."""
        windows, rate = take.plan.windows, take.plan.geometry.frames_per_second
        made = sum(window.frames for window in windows)
        unet = rate * made / sum(window.core_frames for window in windows)
        chunk = take.plan.geometry.chunk
        whole = rate * chunk.frames / chunk.core
        return unet, unet if self.join is from_waveforms else whole


def shipped(take: Take) -> list[FloatArray]:
    """Each window by itself, from one noise field, of one identity: what the renderer does."""
    return _each(take, take.noise)


def unidentified(take: Take) -> list[FloatArray]:
    """The same, but every window's noise has the mean that it happens to have."""
    return _each(take, lambda window: take.noise(window, "latents"))


def independent(take: Take) -> list[FloatArray]:
    """Each window by itself, from noise of its own."""
    return _each(take, lambda window: take.noise(window, f"latents of {window.start_frame}"))


def swapped(take: Take) -> list[FloatArray]:
    """After each step neighbours swap every other frame of their overlap (SaFa's operator)."""
    return _together(take, lambda step, steps: swap)


def averaged(take: Take) -> list[FloatArray]:
    """After each step both sides of an overlap become their mean (MultiDiffusion)."""
    return _together(take, lambda step, steps: average)


def faded(take: Take) -> list[FloatArray]:
    """Before the last step, both sides of an overlap take over one fade between them."""
    return _together(take, lambda step, steps: fade if step == steps - 2 else None)


def swap(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Both sides with every other frame of the other's."""
    own = (torch.arange(left.shape[2]) % 2 == 0)[:, None]
    return torch.where(own, left, right), torch.where(own, right, left)


def average(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Their mean, twice."""
    mean = (left + right) / 2
    return mean, mean


def _each(take: Take, noise: Callable[[Window], Tensor]) -> list[FloatArray]:
    def made(window: Window) -> FloatArray:
        told = take.told.of(window)
        return rows_of(denoise(take.model, noise(window), [told], take.options))

    return list(take.workers.map(made, take.plan.windows))


def fade(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """A fade from a quarter of the right side to three quarters of it, twice."""
    rising = torch.from_numpy((0.25 + 0.5 * ramp(left.shape[2])).astype(np.float32))[:, None]
    mixed = left + rising * (right - left)
    return mixed, mixed


def _together(
    take: Take, exchange_after: Callable[[int, int], Exchange | None]
) -> list[FloatArray]:
    """All windows of the take, step by step; what the solver remembers is exchanged as well.

    `exchange_after` says of each step, counted from 0, and of how many, what follows it.

    Raises UnsupportedError for a model whose scheduler is not `models.solver`'s.
    """
    windows = take.plan.windows
    told = [take.told.of(window) for window in windows]
    latents = [take.noise(window) for window in windows]
    before = [torch.zeros_like(each) for each in latents]
    steps = solver_steps(take.model.scheduler_config, take.options.steps)
    for index, step in enumerate(steps):
        states = zip(told, latents, before, strict=True)
        moved = list(take.workers.map(partial(_moved, take, step), states))
        latents, before = ([pair[side] for pair in moved] for side in (0, 1))
        if (exchange := exchange_after(index, len(steps))) is not None:
            latents = coupled(latents, take.overlaps, exchange)
            before = coupled(before, take.overlaps, exchange)
    return [rows_of(each) for each in latents]


def coupled(sides: Sequence[Tensor], overlaps: Sequence[int], exchange: Exchange) -> list[Tensor]:
    """Windows (1, C, T, F) after the exchange of each with the next over their overlap."""
    out = [side.clone() for side in sides]
    for index, overlap in enumerate(overlaps):
        if overlap:
            left, right = sides[index][:, :, -overlap:], sides[index + 1][:, :, :overlap]
            out[index][:, :, -overlap:], out[index + 1][:, :, :overlap] = exchange(left, right)
    return out


@torch.inference_mode()
def _moved(
    take: Take, step: Step, state: tuple[Conditioning, Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """The latents after `step`, and the clean ones it believed in, from latents and the clean ones
    of the step before."""
    told, latents, before = state
    prediction = _predicted(take, told, latents, step.timestep)
    clean = step.sample_to_clean * latents + step.prediction_to_clean * prediction
    return step.keep * latents + step.toward * clean + step.momentum * before, clean


def _predicted(take: Take, told: Conditioning, latents: Tensor, timestep: int) -> Tensor:
    """The UNet's prediction for one window, guided as the take's options say."""
    model, options = take.model, take.options

    def asked(hears: Conditioning) -> Tensor:
        sample = latents.to(model.device, model.dtype, memory_format=torch.channels_last)
        prediction: Tensor = model.unet(
            sample,
            torch.tensor(timestep, device=model.device),
            encoder_hidden_states=hears.loa[None].to(model.device, model.dtype),
            encoder_hidden_states_1=hears.text[None].to(model.device, model.dtype),
            encoder_attention_mask_1=hears.text_mask[None].to(model.device),
        )[0]
        return prediction.float().cpu()

    wanted = asked(told)
    if options.guidance <= 1 or options.negative is None:
        return wanted
    unguided = asked(options.negative)
    return unguided + options.guidance * (wanted - unguided)


SHIPPED = Way("shipped", "one noise field, one identity (shipped)", shipped)
WAYS = (
    SHIPPED,
    Way("unlevelled", "as shipped, but not levelled", shipped, from_unlevelled_latents),
    Way("unidentified", "one noise field alone", unidentified),
    Way("independent", "noise of its own for each window", independent),
    Way("faded", "as shipped, and a fade before the last step", faded),
    Way("swap", "as shipped, and frames swapped in overlaps at each step", swapped),
    Way("average", "as shipped, and overlaps averaged at each step", averaged),
    Way("waveform", "as shipped, but joined on waveforms, not levelled", shipped, from_waveforms),
    Way("inner", "as shipped, 0.16 s left out at edges", shipped, from_inner_latents),
    Way("short", "as shipped, overlap 0.32 s", shipped, overlap_s=0.32),
    Way("long", "as shipped, overlap 0.96 s", shipped, overlap_s=0.96),
    Way("longer", "as shipped, overlap 1.92 s", shipped, overlap_s=1.92),
    Way("overlap6", "as shipped, overlap 6.25 % of 5.12 s", shipped, share=1 / 16),
    Way("overlap12", "as shipped, overlap 12.5 %", shipped, share=1 / 8),
    Way("overlap25", "as shipped, overlap 25 %", shipped, share=1 / 4),
    Way("overlap50", "as shipped, overlap 50 %", shipped, share=1 / 2),
)
