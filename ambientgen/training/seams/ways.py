"""The ways compared: where a window's noise comes from, what windows exchange, where they join."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ambientgen.latents import denoise
from ambientgen.loa import Conditioning
from ambientgen.making import Draft, drafted
from ambientgen.making import coupled as beside_neighbours
from ambientgen.models.solver import Step, solver_steps
from ambientgen.noise import Noise, WindowNoise
from ambientgen.noise import Take as NoiseTake
from ambientgen.renderer import profile
from ambientgen.reuse import WindowMaker
from ambientgen.stretch import CONTEXT, CORE, FADE
from ambientgen.training.seams.takes import (
    Take,
    from_inner_latents,
    from_latents,
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
        whole = rate * (CORE + FADE + 2 * CONTEXT) / CORE
        return unet, unet if self.join is from_waveforms else whole


def shipped(take: Take) -> list[FloatArray]:
    """From one noise field, of one identity, faded into one another before the last step: what the
    renderer does."""
    return _beside(take, NoiseTake(take.plan.scene.seed))


def unidentified(take: Take) -> list[FloatArray]:
    """The same, but every window's noise has the mean that it happens to have."""
    return _beside(take, _Unidentified(take.plan.scene.seed))


def shared(take: Take) -> list[FloatArray]:
    """Each window by itself, from one noise field, of one identity."""
    return _each(take, take.noise)


def independent(take: Take) -> list[FloatArray]:
    """Each window by itself, from noise of its own."""
    return _each(take, lambda window: take.noise(window, f"latents of {window.start_frame}"))


def swapped(take: Take) -> list[FloatArray]:
    """After each step neighbours swap every other frame of their overlap (SaFa's operator)."""
    return _together(take, swap)


def averaged(take: Take) -> list[FloatArray]:
    """After each step both sides of an overlap become their mean (MultiDiffusion)."""
    return _together(take, average)


def swap(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Both sides with every other frame of the other's."""
    own = (torch.arange(left.shape[2]) % 2 == 0)[:, None]
    return torch.where(own, left, right), torch.where(own, right, left)


def average(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Their mean, twice."""
    mean = (left + right) / 2
    return mean, mean


@dataclass(frozen=True)
class _Unidentified(NoiseTake):
    """A take whose windows begin with a noise field's frames as they are."""

    def windows(self, width: int, period: int | None = None) -> WindowNoise:
        return _Bare(self.field("latents", width, period))


@dataclass(frozen=True)
class _Bare:
    drawn: Noise

    def window(self, start: int, count: int) -> FloatArray:
        return self.drawn.frames(start, count)


def _beside(take: Take, noise: NoiseTake) -> list[FloatArray]:
    """Windows drafted from a take's noise, and finished beside their neighbours."""
    model, engine = take.model, take.engine
    maker = WindowMaker(model, "", profile(model), take.options, None)
    drafts = drafted(model, take.plan, take.told, maker, engine, noise)
    if not maker.drafts:
        return [draft.rows for draft in drafts]

    def finish(draft: Draft) -> FloatArray:
        made: FloatArray = maker.finish(draft.rows[None], [draft.told], engine.checkpoint)[0]
        return made

    return list(engine.map(finish, beside_neighbours(drafts)))


def _each(take: Take, noise: Callable[[Window], Tensor]) -> list[FloatArray]:
    def made(window: Window) -> FloatArray:
        told = take.told.of(window)
        return rows_of(denoise(take.model, noise(window), [told], take.options))

    return list(take.engine.map(made, take.plan.windows))


def _together(take: Take, exchange: Exchange) -> list[FloatArray]:
    """All windows of the take, step by step; what the solver remembers is exchanged as well.

    Raises UnsupportedError for a model whose scheduler is not `models.solver`'s.
    """
    windows = take.plan.windows
    told = [take.told.of(window) for window in windows]
    latents = [take.noise(window) for window in windows]
    before = [torch.zeros_like(each) for each in latents]
    for step in solver_steps(take.model.scheduler_config, take.options.steps):
        states = zip(told, latents, before, strict=True)
        moved = list(take.engine.map(partial(_moved, take, step), states))
        latents = coupled([pair[0] for pair in moved], take.overlaps, exchange)
        before = coupled([pair[1] for pair in moved], take.overlaps, exchange)
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


SHIPPED = Way(
    "shipped", "one identity, one noise field, faded before the last step (shipped)", shipped
)
WAYS = (
    SHIPPED,
    Way("unidentified", "the same without identity: means of noise as they are", unidentified),
    Way("independent", "noise of its own for each window, no identity", independent),
    Way("shared", "one identity, one noise field, no fade before the last step", shared),
    Way("swap", "frames swapped in overlaps at each step", swapped),
    Way("average", "overlaps averaged at each step", averaged),
    Way("waveform", "as shipped, but joined on waveforms", shipped, from_waveforms),
    Way("short", "as shipped, overlap 0.64 s", shipped, overlap_s=0.64),
    Way("inner", "as shipped, 0.16 s left out at edges", shipped, from_inner_latents),
    Way("overlap6", "as shipped, overlap 6.25 % of 5.12 s", shipped, share=1 / 16),
    Way("overlap12", "as shipped, overlap 12.5 %", shipped, share=1 / 8),
    Way("overlap25", "as shipped, overlap 25 %", shipped, share=1 / 4),
    Way("overlap50", "as shipped, overlap 50 %", shipped, share=1 / 2),
)
