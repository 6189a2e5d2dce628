"""From latents to sound: VAE and vocoder on fixed chunks of the absolute timeline.

The VAE normalises over its whole input, so a chunk's decode never equals the whole's: the grid of
chunks, counted from absolute frame 0, is what makes the mel well defined. Neighbouring chunks
overlap and are faded into one another. The vocoder is local, so its pieces, cut with enough
context, equal the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ambientgen.crossfade import join_windows
from ambientgen.engine import LocalEngine
from ambientgen.models.loading import Model
from ambientgen.noise import NoiseField

FloatArray = NDArray[np.float32]

# Mel frames (10 ms each). A chunk decodes CORE frames, FADE more into the next chunk, and CONTEXT
# on either side that is thrown away: the convolutions of the VAEs in use reach less far.
CORE, FADE, CONTEXT = 512, 32, 64
# Mel frames of context for the vocoder: HiFi-GAN's kernels reach 22, the texture vocoder's 25.
# A multiple of 16, the period of the texture vocoder's tones.
VOCODER_CONTEXT = 32


@dataclass(frozen=True)
class Chunk:
    """`values` (rows, frames), of which frames from `start` on, absolute, are wanted: `frames`.

    `lead` frames of context come before them.
    """

    values: FloatArray
    start: int
    lead: int
    frames: int


def chunked(blocks: Iterable[FloatArray], core: int, before: int, after: int) -> Iterator[Chunk]:
    """A stream of blocks (rows, frames) as chunks of `core` frames of the grid, with context.

    Each chunk has up to `before` frames ahead of its core and `after` behind, as far as the stream
    has any. Holds no more than one chunk and one block.
    """
    kept: FloatArray | None = None
    kept_start, start = 0, 0
    for block in blocks:
        kept = block if kept is None else np.concatenate([kept, block], axis=1)
        while kept_start + kept.shape[1] >= start + core + after:
            lead = min(before, start)
            first = start - lead - kept_start
            yield Chunk(kept[:, first : first + lead + core + after], start, lead, core + after)
            start += core
            drop = start - min(before, start) - kept_start
            kept, kept_start = kept[:, drop:], kept_start + drop
    while kept is not None and start < kept_start + kept.shape[1]:
        lead = min(before, start)
        first = start - lead - kept_start
        left = kept_start + kept.shape[1] - start
        yield Chunk(
            kept[:, first : first + lead + core + after], start, lead, min(core + after, left)
        )
        start += core


def decode(
    model: Model, latents: Iterable[FloatArray], seed: int, engine: LocalEngine
) -> Iterator[FloatArray]:
    """Latent blocks (C * F, frames) from frame 0 on to blocks of samples (n,), float32."""
    stride = model.geometry.latent_stride
    fade, context = FADE // stride, CONTEXT // stride
    chunks = chunked(latents, CORE // stride, context, fade + context)
    mels = engine.map(lambda chunk: _decode_mel(model, chunk, CORE + FADE), chunks)
    noise = NoiseField(seed, "vocoder", model.geometry.mel_hop)
    pieces = chunked(
        join_windows(mels, max_overlap_frames=FADE), CORE, VOCODER_CONTEXT, VOCODER_CONTEXT
    )
    return engine.map(lambda chunk: _vocode(model, chunk, noise), pieces)


@torch.inference_mode()
def _decode_mel(model: Model, chunk: Chunk, most: int) -> tuple[int, FloatArray]:
    """The log-mel (mels, frames) of one chunk and its first mel frame."""
    geometry = model.geometry
    grid = chunk.values.reshape(geometry.latent_channels, geometry.latent_bins, -1)
    latents = torch.from_numpy(np.ascontiguousarray(grid.swapaxes(1, 2)))[None]
    latents = latents.to(model.device, model.dtype, memory_format=torch.channels_last)
    mel = model.vae.decode(latents / model.vae.config.scaling_factor).sample[0, 0].float().cpu()
    stride = geometry.latent_stride
    wanted = min(most, chunk.frames * stride)
    kept = mel[chunk.lead * stride : chunk.lead * stride + wanted]
    return chunk.start * stride, kept.numpy().T


@torch.inference_mode()
def _vocode(model: Model, chunk: Chunk, noise: NoiseField) -> FloatArray:
    """The samples of one chunk of mel, its context cut off."""
    hop = model.geometry.mel_hop
    mel = torch.from_numpy(np.ascontiguousarray(chunk.values.T))[None]
    mel = mel.to(model.device, model.dtype)
    if getattr(model.vocoder, "takes_noise", False):
        drawn = noise.frames(chunk.start - chunk.lead, mel.shape[1]).reshape(1, -1)
        audio = model.vocoder(mel, torch.from_numpy(drawn).to(model.device))
    else:
        audio = model.vocoder(mel)
    core = min(CORE, chunk.frames)
    samples = audio.reshape(-1)[chunk.lead * hop : (chunk.lead + core) * hop]
    return np.asarray(samples.float().cpu().numpy(), np.float32)
