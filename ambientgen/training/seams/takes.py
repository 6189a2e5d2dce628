"""One scene as every way of joining has it: plan, what windows are told, and their sound."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ambientgen.asked import Asked, Between
from ambientgen.crossfade import join_windows
from ambientgen.latents import SamplerOptions
from ambientgen.limiter import LimiterSettings, StretchLimiter
from ambientgen.mix.master import heard_of
from ambientgen.models.loading import Model
from ambientgen.noise import NoiseField
from ambientgen.noise import Take as NoiseTake
from ambientgen.passes import Conditionings, noise_of, unrest
from ambientgen.plan import Plan, make_plan
from ambientgen.renderer import Renderer
from ambientgen.scene import Scene
from ambientgen.sources.diffused import sampler_options
from ambientgen.waveform import (
    Decoder,
    coloured_mel,
    cut_samples,
    decoder_of,
    joined_sound,
    sound,
)
from ambientgen.windows import Window
from ambientgen.workers import Workers

FloatArray = NDArray[np.float32]

SIXTEENTHS = 16
"""A window of as many of the UNet's multiples can overlap by 1, 2, 4 or 8 of them: 6.25, 12.5, 25
and 50 %. Of pocket it lasts 5.12 s."""

INNER = 2  # latent frames (0.16 s of pocket), whose neighbours in the UNet are zeros


@dataclass(frozen=True)
class Take:
    """A stretch of a scene before any of its windows is made."""

    model: Model
    plan: Plan
    told: Conditionings
    options: SamplerOptions
    workers: Workers

    @property
    def overlaps(self) -> list[int]:
        """Latent frames that each window but the last shares with the next."""
        windows = self.plan.windows
        ends = [window.start_frame + window.frames for window in windows[:-1]]
        return [end - w.start_frame for end, w in zip(ends, windows[1:], strict=True)]

    @property
    def joins_s(self) -> list[float]:
        """The middle of each overlap, in seconds of the sound; some lie outside it."""
        middles = (
            window.start_frame + overlap / 2
            for window, overlap in zip(self.plan.windows[1:], self.overlaps, strict=True)
        )
        return [self.plan.geometry.seconds(frame) - self.plan.start_s for frame in middles]

    def noise(self, window: Window, stream: str | None = None) -> Tensor:
        """Noise (1, C, T, F) of a window: the renderer's; or its frames of the field `stream`, as
        restless."""
        geometry = self.model.geometry
        channels, bins = geometry.latent_channels, geometry.latent_bins
        if stream is None:
            noise = noise_of(self.model, self.plan, NoiseTake(self.plan.scene.seed))
            drawn = noise.window(window.start_frame, window.frames)
        else:
            field = NoiseField(self.plan.scene.seed, stream, channels * bins)
            restless = unrest(self.model, self.plan).of(field)
            drawn = restless.frames(window.start_frame, window.frames)
        grid = drawn.reshape(1, window.frames, channels, bins).swapaxes(1, 2)
        return torch.from_numpy(grid.copy())


def taken(
    renderer: Renderer,
    scene: Scene,
    between_s: Between,
    workers: Workers,
    share: float | None,
    overlap_s: float | None = None,
) -> Take:
    """A stretch of `scene`, planned; in windows of one length that overlap by `share` of it (1/16
    to 1/2), or (None) in those that the model's rule and the curves make, with the overlap
    `overlap_s` (None: the rule's)."""
    model = renderer.model(scene.model)
    geometry, rule = model.geometry, model.spec.rule
    if share is not None:
        window_s = geometry.seconds(SIXTEENTHS * rule.multiple)
        overlap_s = geometry.seconds(round(SIXTEENTHS * share) * rule.multiple)
        asked = replace(scene.render, window_s=window_s, overlap_s=overlap_s)
        scene = replace(scene, render=asked)
    elif overlap_s is not None:
        scene = replace(scene, render=replace(scene.render, overlap_s=overlap_s))
    wanted = Asked(between_s=between_s)
    samples = wanted.stretch(scene.duration_s, geometry.sample_rate)
    heard = heard_of(samples, geometry.sample_rate, LimiterSettings())
    plan = make_plan(scene, geometry, rule, wanted, heard)
    options = workers.run(lambda: sampler_options(model, scene))
    return Take(model, plan, renderer.meaning(model, plan, workers), options, workers)


def busiest(scene: Scene, model: Model, length_s: float) -> Between:
    """The stretch of `length_s` in which most windows are joined; the whole scene if shorter."""
    if scene.duration_s <= length_s:
        return None, None
    plan = make_plan(scene, model.geometry, model.spec.rule)
    starts = np.array([plan.geometry.seconds(window.start_frame) for window in plan.windows])
    block_s = plan.geometry.seconds(plan.rule.cores[-1])
    firsts = np.arange(math.floor((scene.duration_s - length_s) / block_s) + 1) * block_s
    counts = [np.sum((starts >= first) & (starts < first + length_s)) for first in firsts]
    first_s = float(firsts[int(np.argmax(counts))])
    return first_s, first_s + length_s


def rows_of(latents: Tensor) -> FloatArray:
    """Latents (1, C, T, F) as rows over time, (C * F, T)."""
    rows = latents[0].transpose(1, 2).flatten(0, 1).contiguous().numpy()
    return np.asarray(rows, np.float32)


def _decoder(take: Take) -> Decoder:
    return decoder_of(take.model, take.plan, NoiseTake(take.plan.scene.seed), take.workers)


def from_latents(take: Take, made: Sequence[FloatArray]) -> Iterator[FloatArray]:
    """Windows (C * F, T) levelled, joined, then decoded once: what the renderer does."""
    return sound(take.plan, _placed(take, made), _decoder(take))


def from_unlevelled_latents(take: Take, made: Sequence[FloatArray]) -> Iterator[FloatArray]:
    """The same, but each window is as loud as it was made."""
    return joined_sound(take.plan, _placed(take, made), _decoder(take))


def _placed(take: Take, made: Sequence[FloatArray]) -> list[tuple[int, FloatArray]]:
    return [(w.start_frame, rows) for w, rows in zip(take.plan.windows, made, strict=True)]


def from_inner_latents(take: Take, made: Sequence[FloatArray]) -> Iterator[FloatArray]:
    """The same, but the outermost `INNER` frames of either side of an overlap are not heard, so
    that the fade is shorter by twice as many."""
    windows, last = take.plan.windows, len(made) - 1
    placed = []
    for index, (window, rows) in enumerate(zip(windows, made, strict=True)):
        first = INNER if index else 0
        end = rows.shape[1] - (INNER if index < last else 0)
        placed.append((window.start_frame + first, rows[:, first:end]))
    return sound(take.plan, placed, _decoder(take))


def from_waveforms(take: Take, made: Sequence[FloatArray]) -> Iterator[FloatArray]:
    """Each window decoded by itself; the crossfade joins samples."""
    pairs = zip(take.plan.windows, made, strict=True)
    joined = join_windows(take.workers.map(partial(_decoded, take), pairs))
    begin = take.plan.windows[0].start_frame * take.plan.geometry.samples_per_frame
    return cut_samples(joined, begin, *take.plan.heard_samples)


@torch.inference_mode()
def _decoded(take: Take, made: tuple[Window, FloatArray]) -> tuple[int, FloatArray]:
    """First sample and samples of one window's latents, decoded without any context."""
    (window, rows), model, geometry = made, take.model, take.model.geometry
    decoder = _decoder(take)
    mel = coloured_mel(model, rows, decoder.colour)
    first = window.start_frame * geometry.latent_stride
    noise, tuned = decoder.excitation(None), decoder.voicing is not None
    drawn = torch.from_numpy(noise.frames(first, mel.shape[1]).reshape(1, -1))
    audio = model.samples_of(mel, drawn, tuned)
    samples = audio.reshape(-1)[: window.frames * geometry.samples_per_frame].float().cpu().numpy()
    return first * geometry.mel_hop, np.asarray(samples, np.float32)


def limited(take: Take, blocks: Iterable[FloatArray]) -> NDArray[np.float64]:
    """The samples of the take as they would stand in its file, (n,): gain and limiter applied."""
    plan, settings = take.plan, LimiterSettings(gain_db=take.model.spec.gain_db)
    limiter = StretchLimiter(
        settings, plan.geometry.sample_rate, plan.heard_samples[0], plan.samples
    )
    return np.concatenate(list(limiter.limited(blocks))).astype(np.float64)
