"""From latents to sound: VAE and vocoder on fixed chunks of the absolute timeline.

The VAE normalises over its whole input, so a chunk's decode never equals the whole's: the grid of
chunks, counted from absolute frame 0, is what makes the mel well defined. Neighbouring chunks
overlap and are faded into one another. The vocoder is local, so its pieces, cut with enough
context, equal the whole. The shape of what is computed depends on its place alone, so that any
stretch of the timeline is the same to the bit whatever else is rendered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ambientgen.crossfade import join_windows
from ambientgen.levelling import levelled
from ambientgen.models.loading import Model
from ambientgen.noise import Noise, Take
from ambientgen.plan import Plan
from ambientgen.resample import pieces as cut_for_loop
from ambientgen.resample import resampled
from ambientgen.silence import NOTHING, are_silent, muted
from ambientgen.stretch import VOCODER_CONTEXT, Piece, Reach
from ambientgen.tones import TimeAxis, tuned_noise
from ambientgen.units import DB_OF_NEPER
from ambientgen.voicings import VOICINGS, Voicing
from ambientgen.workers import Workers

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Chunk:
    """`values` (rows, frames), of which `frames` from `start` on, absolute, are a piece's own.

    `lead` frames of context come before them, more after them.
    """

    values: FloatArray
    start: int
    lead: int
    frames: int


def chunked(
    blocks: Iterable[FloatArray],
    first: int,
    pieces: Iterable[Piece],
    context: tuple[int, int],
    floor: int | None = 0,
) -> Iterator[Chunk]:
    """A stream of blocks (rows, frames) from frame `first` on, as chunks: `pieces` with context.

    `context` says how many frames come before and after each; none lies below `floor`. So a chunk's
    shape depends on its place alone. Where the stream tells nothing of a chunk, it holds zeros;
    pieces of which it tells nothing are left out. Holds no more than one chunk and one block.
    """
    before, after = context
    stream = iter(blocks)
    kept: FloatArray | None = next(stream, None)
    for start, end in pieces:
        if kept is None:
            return
        lead = before if floor is None else min(before, start - floor)
        low, high = start - lead, end + after
        while first + kept.shape[1] < high and (block := next(stream, None)) is not None:
            kept = np.concatenate([kept, block], axis=1)
        if first + kept.shape[1] <= start:
            return
        drop = max(low - first, 0)
        kept, first = kept[:, drop:], first + drop
        known = kept[:, : high - first]
        unknown = (first - low, high - first - known.shape[1])
        yield Chunk(np.pad(known, ((0, 0), unknown)), start, lead, end - start)


@dataclass(frozen=True)
class Decoder:
    """What decodes latents: a model, what keys the vocoder's noise, and where it runs. `colour` are
    gains in dB of the mel's bands, of all sound alike; a `voicing` has the notes that it stands on,
    which are in tune where a frame lasts `stretch` times as long as the model's.
    """

    model: Model
    take: Take
    workers: Workers
    colour: Sequence[float] | None = None
    voicing: Voicing | None = None
    stretch: float = 1.0

    def decode(
        self, latents: Iterable[FloatArray], first_frame: int, reach: Reach
    ) -> Iterator[FloatArray]:
        """Latent blocks (C * F, frames) from `first_frame` on to blocks of samples (n,), float32.

        The latents are at least those of `reach.latents`. The blocks hold the samples of `reach`,
        and no others.
        """
        model, stride = self.model, self.model.geometry.latent_stride
        floor = 0 if reach.period is None else None
        in_latents = ((start // stride, end // stride) for start, end in reach.chunks())
        rule = model.geometry.chunk
        context = (rule.context // stride, (rule.fade + rule.context) // stride)
        chunks = chunked(latents, first_frame, in_latents, context, floor)
        mels = self.workers.map(lambda chunk: _decode_mel(model, chunk, self.colour), chunks)
        noise = self.excitation(reach.period)
        joined = join_windows(mels, max_overlap_frames=rule.fade)
        context = (VOCODER_CONTEXT, VOCODER_CONTEXT)
        pieces = chunked(joined, next(reach.chunks())[0], reach.pieces(), context, floor)
        tuned = self.voicing is not None
        audio = self.workers.map(lambda chunk: _vocode(model, chunk, noise, tuned), pieces)
        begin = next(reach.pieces())[0] * model.geometry.mel_hop
        return cut_samples(audio, begin, reach.first, reach.end)

    def excitation(self, period: int | None) -> Noise:
        """What the vocoder shapes, (frames, mel hop): noise, on notes if there is a voicing. In a
        loop it comes again after `period` mel frames."""
        hop = self.model.geometry.mel_hop
        white = self.take.field("vocoder", hop, period)
        if self.voicing is None:
            return white
        # What a loop makes is heard `stretch` times as slowly, and is to be in tune then.
        frames_per_s = self.model.geometry.sample_rate / hop / self.stretch
        return tuned_noise(self.take, self.voicing, white, TimeAxis(frames_per_s, hop, period))


def decoder_of(model: Model, plan: Plan, take: Take, workers: Workers) -> Decoder:
    """What decodes a take of a plan: a state by itself has its own colour, and stands on notes if
    the model says so."""
    states = [state.name for state in plan.scene.states]
    name = model.spec.tones_of(states)
    voicing = None if name is None else VOICINGS[name](plan.scene.tuning)
    colour = model.spec.colour_of(states)
    return Decoder(model, take, workers, colour, voicing, plan.geometry.stretch)


def cut_samples(
    blocks: Iterable[FloatArray], begin: int, first: int, end: int | None
) -> Iterator[FloatArray]:
    """Samples `first` to `end` (not included; None: all) of a stream from sample `begin` on."""
    for block in blocks:
        left, right = max(first - begin, 0), None if end is None else end - begin
        begin += len(block)
        wanted = block[left:right]
        if len(wanted):
            yield wanted
        if end is not None and begin >= end:
            return


@torch.inference_mode()
def _decode_mel(
    model: Model, chunk: Chunk, colour: Sequence[float] | None
) -> tuple[int, FloatArray]:
    """The log-mel (mels, frames) of one chunk, with its fade, and its first mel frame."""
    geometry = model.geometry
    start = chunk.start * geometry.latent_stride
    length = chunk.frames * geometry.latent_stride + geometry.chunk.fade
    if model.spec.rule.silence and are_silent(model, chunk.values):
        return start, np.full((geometry.mel_bins, length), NOTHING)
    mel = coloured_mel(model, chunk.values, colour)[0].float().cpu()
    first = chunk.lead * geometry.latent_stride
    return start, mel[first : first + length].numpy().T


def coloured_mel(model: Model, rows: FloatArray, colour: Sequence[float] | None) -> Tensor:
    """The log-mel (1, T, mels) of latents (C * F, frames), whose bands `colour` raises by dB."""
    geometry = model.geometry
    grid = rows.reshape(geometry.latent_channels, geometry.latent_bins, -1)
    latents = torch.from_numpy(np.ascontiguousarray(grid.swapaxes(1, 2)))[None]
    mel = model.mel_of(latents)[0]
    return mel if colour is None else mel + torch.tensor(colour).to(mel) / DB_OF_NEPER


@torch.inference_mode()
def _vocode(model: Model, chunk: Chunk, noise: Noise, tuned: bool) -> FloatArray:
    """The samples of one chunk of mel, its context cut off, out of noise that may be `tuned`."""
    hop = model.geometry.mel_hop
    silent = np.repeat(muted(chunk.values, chunk.lead, chunk.frames, VOCODER_CONTEXT), hop)
    if silent.all():
        return np.zeros(len(silent), np.float32)
    mel = torch.from_numpy(np.ascontiguousarray(chunk.values.T))[None]
    drawn = None
    if model.takes_noise:
        first = chunk.start - chunk.lead
        drawn = torch.from_numpy(noise.frames(first, mel.shape[1]).reshape(1, -1))
    audio = model.samples_of(mel, drawn, tuned)
    samples = audio.reshape(-1)[chunk.lead * hop : (chunk.lead + chunk.frames) * hop]
    heard = np.asarray(samples.float().cpu().numpy(), np.float32)
    return np.asarray(np.where(silent, np.float32(0), heard))


def sound(
    plan: Plan, windows: Iterable[tuple[int, FloatArray]], decoder: Decoder
) -> Iterator[FloatArray]:
    """A plan's windows, as (start frame, latents (C * F, frames)), to blocks of samples (n,).

    The samples are `plan.heard_samples`.
    """
    return joined_sound(plan, levelled(windows, plan.rule.levelled_frames), decoder)


def joined_sound(
    plan: Plan, windows: Iterable[tuple[int, FloatArray]], decoder: Decoder
) -> Iterator[FloatArray]:
    """The same of windows as loud as they are to be."""
    placed = iter(windows)
    start_frame, rows = next(placed)
    most = plan.rule.overlap + plan.rule.multiple - 1  # what a loop's last window may add
    latents = join_windows(chain([(start_frame, rows)], placed), max_overlap_frames=most)
    made = decoder.decode(latents, start_frame, plan.reach)
    loop = plan.loop
    if loop is None or loop.samples == loop.made_samples:
        return made
    cut = cut_for_loop(made, plan.reach.first, loop, *plan.heard_samples)
    return decoder.workers.map(lambda piece: resampled(loop, piece), cut)
