"""The corpus' latents: encoded in chunks, as a render decodes them.

Encoder and decoder normalise over all that they are given, so a latent says how loud a moment is
beside the rest of its chunk. Encoded over 10.24 s and decoded over 3.84 s, rain that grows comes
back with its bands 0.7 dB off, where it is 0.2 if both are done over the same length; a steady one
is the same either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from ambientgen.crossfade import ramp
from ambientgen.training.corpus import Corpus
from ambientgen.training.keep import kept

CHUNK = (48, 8, 2)  # core, fade and context, latent frames: the `chunk` of what is trained here
STRIDE = 8  # mel frames of a latent frame
TOGETHER = 4  # clips


def latents_of(
    corpus: Corpus, autoencoder: AutoencoderKL, path: Path, scale: float | None = None
) -> tuple[Tensor, float]:
    """The corpus' latents times `scale`, made once and kept at `path`, and that factor; left out,
    the one that brings them to unit variance."""

    def make(partial: Path) -> None:
        raw = encode(corpus, autoencoder)
        factor = 1 / float(raw[::7].float().std()) if scale is None else scale
        torch.save(((raw.float() * factor).half(), factor), partial)

    latents, factor = torch.load(kept(path, make), weights_only=True)
    return latents, factor


@torch.no_grad()
def encode(corpus: Corpus, vae: AutoencoderKL) -> Tensor:
    """Latent means of all clips, (N, 16, 128, 8) float16, unscaled."""
    out = []
    for i in range(0, len(corpus.mels), TOGETHER):
        mels = torch.from_numpy(np.array(corpus.mels[i : i + TOGETHER])).float()[:, None]
        out.append(in_chunks(mels, vae).half())
    return torch.cat(out)


def in_chunks(mels: Tensor, vae: AutoencoderKL) -> Tensor:
    """Latent means (B, 16, T, 8) of log-mels (B, 1, STRIDE · T, 64), chunk by chunk."""
    joined: Tensor | None = None
    _, fade, _ = CHUNK
    rising = torch.from_numpy(ramp(fade)).float()[:, None]
    for start, lead, end in _chunks(mels.shape[2] // STRIDE):
        piece = mels[:, :, STRIDE * (start - lead) : STRIDE * end]
        encoded = vae.encode(piece.to(memory_format=torch.channels_last)).latent_dist.mode()
        new = encoded[:, :, lead:]
        if joined is None:
            joined = new
            continue
        old = joined[:, :, start : start + fade]
        begin = old + rising[: old.shape[2]] * (new[:, :, : old.shape[2]] - old)
        joined = torch.cat([joined[:, :, :start], begin, new[:, :, fade:]], 2)
    assert joined is not None
    return joined


def _chunks(frames: int) -> Iterator[tuple[int, int, int]]:
    """Where each chunk begins, its frames of context before that, and its end with all context."""
    core, fade, context = CHUNK
    for start in range(0, frames, core):
        yield start, min(context, start), min(start + core + fade + context, frames)
