"""Guided layers: procedural sound made anew by a model, as far as a layer's `strength` says.

What was synthesised is encoded on chunks of an absolute grid, as it is decoded (`waveform.py`); so
its latents are a function of absolute time, like the noise they are mixed with. From there windows
are denoised as ever, with the layer's states in words: what happens when comes from the synthesis,
how it sounds from the model. To the windows' makers a guide is noise of another kind, which is why
nothing but the sampler's first step (`latents.SamplerOptions.strength`) knows of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from ambientgen.crossfade import join_windows
from ambientgen.mel import CONTEXT as MEL_CONTEXT
from ambientgen.mel import log_mel
from ambientgen.models.loading import Model
from ambientgen.models.solver import start_amplitudes
from ambientgen.noise import WHITE, Take, Unrest, WindowNoise
from ambientgen.scene.layers import Layer
from ambientgen.scene.scene import Scene
from ambientgen.sources.events import Events, unplaced
from ambientgen.sources.procedural import CORE as SOUND_CORE
from ambientgen.sources.procedural import Procedural
from ambientgen.stream import FloatArray, Stream
from ambientgen.stretch import Grid, Piece
from ambientgen.units import Loop

Kept = TypeVar("Kept")
# Pieces of sound (1.3 MB each) and of latents that may be asked for again: by neighbouring windows,
# and by those that waited for a pass (`passes.PATIENCE`) or are another take's.
_SOUNDS, _LATENTS = 32, 64


class Guide:
    """The latents of a layer's procedural sound, states and events, for a model.

    Events are heard unplaced: a layer is placed when the model is done with it. `frames` is that of
    a `Noise` field of all channels and bins of a latent frame. Threads may share it.
    """

    def __init__(self, model: Model, layer: Layer, scene: Scene) -> None:
        self._model = model
        geometry = model.geometry
        loop = Loop.of(geometry.samples(scene.duration_s), geometry) if scene.loop else None
        made = None if loop is None else loop.made_samples
        self._sounds: tuple[Stream, ...] = (
            *([Procedural(layer, scene, loop_samples=made)] if layer.states else []),
            Events(layer, scene, _MONO, geometry.sample_rate, unplaced, made),
        )
        self._mel_period = None if loop is None else loop.mel_frames(geometry)
        self._period = made
        self._heard: dict[int, FloatArray] = {}
        self._encoded: dict[int, FloatArray] = {}
        self._lock = threading.Lock()

    def frames(self, start: int, count: int) -> FloatArray:
        """Latent frames `start … start + count - 1`, float32 (count, C * F), as the VAE means them.

        Before the first frame of what is no loop lies what lies at it.
        """
        stride = self._model.geometry.latent_stride
        first, end = start * stride, (start + count) * stride
        if self._mel_period is None:
            first = max(first, 0)
        grid = Grid(self._model.geometry.chunk.core, self._mel_period)
        pieces = list(grid.pieces(first, max(end, first + 1)))
        if pieces[0][0] > 0 or self._mel_period is not None:
            pieces.insert(0, next(grid.pieces(pieces[0][0] - 1, pieces[0][0])))
        with self._lock:
            rows = [(piece[0] // stride, self._latents(piece)) for piece in pieces]
        joined = np.concatenate(list(join_windows(rows)), axis=1)
        places = np.arange(start, start + count) - pieces[0][0] // stride
        taken: FloatArray = joined[:, np.maximum(places, 0)].T
        return np.ascontiguousarray(taken)

    def _latents(self, piece: Piece) -> FloatArray:
        """Rows (C * F, frames) of one piece and its fade into the next."""
        start, stop = piece
        place = start if self._mel_period is None else start % self._mel_period
        return _kept(
            self._encoded, _LATENTS, place, partial(self._encode, place, place + stop - start)
        )

    @torch.inference_mode()
    def _encode(self, start: int, stop: int) -> FloatArray:
        model, geometry = self._model, self._model.geometry
        chunk = geometry.chunk
        lead = chunk.context if self._mel_period is not None else min(chunk.context, start)
        low, high = start - lead, stop + chunk.fade + chunk.context
        hop = geometry.mel_hop
        samples = self._samples(low * hop - MEL_CONTEXT, (high - 1) * hop + MEL_CONTEXT)
        mel = torch.from_numpy(log_mel(samples, geometry.mel_bins))[None, None]
        latents = model.latents_of(mel)
        rows = latents[0].transpose(1, 2).flatten(0, 1).float().cpu().numpy()
        stride = geometry.latent_stride
        return np.asarray(rows[:, lead // stride :][:, : (stop + chunk.fade - start) // stride])

    def _samples(self, first: int, end: int) -> FloatArray:
        """The sound itself, (n,); silence before the start of what is no loop."""
        out = np.zeros(end - first, np.float32)
        grid, at = Grid(SOUND_CORE, self._period), first
        if self._period is None:
            at = max(first, 0)
        for start, stop in grid.pieces(at, end):
            place = start if self._period is None else start % self._period
            sound = _kept(
                self._heard, _SOUNDS, place, partial(self._made, place, place + stop - start)
            )
            low, high = max(start, first), min(stop, end)
            out[low - first : high - first] = sound[low - start : high - start]
        return out

    def _made(self, first: int, end: int) -> FloatArray:
        total = np.zeros(end - first, np.float32)
        for stream in self._sounds:
            total += np.concatenate(list(stream.blocks((first, end))))[:, 0]
        return total


@dataclass(frozen=True)
class GuidedNoise:
    """Windows of noise with a guide's latents in them, as the sampler begins with them."""

    drawn: WindowNoise
    guide: Guide
    signal: float
    noise: float

    def window(self, start: int, count: int) -> NDArray[np.float32]:
        """The window of frames `start … start + count - 1` as float32 (count, width)."""
        guide, drawn = self.guide.frames(start, count), self.drawn.window(start, count)
        mixed: NDArray[np.float32] = np.float32(self.signal) * guide
        mixed += np.float32(self.noise) * drawn
        return mixed


@dataclass(frozen=True, kw_only=True)
class GuidedTake(Take):
    """A take whose windows begin with a guide's latents. The vocoder's noise stays as it is."""

    guide: Guide
    signal: float
    noise: float

    def windows(self, width: int, period: int | None = None, unrest: Unrest = WHITE) -> WindowNoise:
        """What windows begin with: noise with the guide in it."""
        drawn = super().windows(width, period, unrest)
        return GuidedNoise(drawn, self.guide, self.signal, self.noise)


def guided_takes(
    takes: Sequence[Take], model: Model, layer: Layer, scene: Scene
) -> tuple[Take, ...]:
    """Takes with which `model` makes `layer` of `scene` anew, as far as its `strength` says.

    The sampler is to be told the same strength. At 1 nothing is left of the procedural sound, and
    they are as they were. All have one guide. Raises UsageError as `solver_steps` does.
    """
    strength = layer.share_made_anew
    if strength >= 1.0:
        return tuple(takes)
    steps = model.spec.defaults.filled(scene.render).steps
    signal, noise = start_amplitudes(model.scheduler_config, steps, strength)
    guide = Guide(model, layer, scene)
    return tuple(
        GuidedTake(t.seed, t.feed, t.common, guide=guide, signal=signal, noise=noise) for t in takes
    )


@dataclass(frozen=True)
class _Mono:
    channels: tuple[str, ...] = ("M",)


_MONO = _Mono()


def _kept(memory: dict[int, Kept], most: int, key: int, make: Callable[[], Kept]) -> Kept:
    """What is remembered under `key`, else made; beyond `most` the oldest are forgotten."""
    if key not in memory:
        memory[key] = make()
        while len(memory) > most:
            del memory[next(iter(memory))]
    return memory[key]
