"""How loud latents are, band by band: read from them without decoding, for losses of the UNet.

A latent bin is a band of 8 mel bins, as a latent frame is 8 frames of the mel.

The levels of eight bands from latent frame to latent frame are nearly linear in the latents around
(of pocket's VAE 98 % of their variance; of how much they swell over a second 0.89 to 0.95 in
correlation), and a decoder costs as much as the UNet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ambientgen.training.unet import Batch
from ambientgen.training.vae import LATENT_BINS

Draw = Callable[[np.random.Generator, int, int], Batch]
Decode = Callable[[Tensor], Tensor]  # latents (B, 16, T, 8) to log-mels (B, 8 T, 64)

SALT = 23  # of the random numbers that choose windows to learn from
WINDOWS = ((56, 8),) * 16  # latent frames, and how many at once
AROUND = 3  # latent frames that tell of the middle one
RIDGE = 1e-3  # of the rows' variance: latents that hardly vary tell nothing
# Latent frames whose mean level is compared with that of as many before, 80 ms to 2.6 s: how
# steady a sound is, and how it swells.
SLOW = (1, 2, 4, 8, 16, 32)
STILL = 0.02  # nepers, 0.17 dB: what moves less is still


@dataclass(frozen=True)
class LevelReader:
    """Weights (bins, 16, AROUND, bins) and biases (bins,) of one convolution."""

    weight: Tensor
    bias: Tensor

    def __call__(self, latents: Tensor) -> Tensor:
        """Levels (B, bins, T - 2, 1) in nepers (8.7 dB) of latents (B, 16, T, bins)."""
        # In half precision a level is known to a quarter of a decibel: more than a room moves.
        with torch.autocast(latents.device.type, enabled=False):
            return F.conv2d(latents.float(), self.weight, self.bias)


@torch.no_grad()
def learn_to_read(draw: Draw, decode: Decode) -> LevelReader:
    """The reader that comes nearest to the decoded levels of drawn latents, by least squares."""
    rng = np.random.default_rng(SALT)
    square = cross = torch.zeros(())
    rows = 0
    for window in WINDOWS:
        latents = draw(rng, *window).clean
        patches = F.unfold(latents, (AROUND, LATENT_BINS)).transpose(1, 2).flatten(0, 1)
        told = F.pad(patches, (0, 1), value=1.0).double()
        with torch.autocast(latents.device.type, enabled=False):
            mels = decode(latents.float())
        wanted = band_levels(mels)[:, 1:-1].flatten(0, 1).double()
        square, cross = square + told.T @ told, cross + told.T @ wanted
        rows += len(told)
    ridge = RIDGE * rows * torch.eye(len(square), dtype=torch.float64, device=square.device)
    solved = torch.linalg.solve(square + ridge, cross).float()
    weight = solved[:-1].T.reshape(LATENT_BINS, -1, AROUND, LATENT_BINS).contiguous()
    return LevelReader(weight, solved[-1].contiguous())


def band_levels(mels: Tensor) -> Tensor:
    """Levels (B, T / 8, 8) in nepers of log-mels (B, T, 64): mean powers of 8 frames and bands."""
    powers = (2 * mels).exp().unflatten(1, (-1, 8)).unflatten(3, (LATENT_BINS, -1))
    return 0.5 * powers.mean((2, 4)).log()


def moves(levels: Tensor, frames: int) -> Tensor:
    """How the mean of so many frames of levels (B, bands, T, 1) differs from that of as many
    before: of their shape, but with fewer frames."""
    stride = max(1, frames // 4)
    means = F.avg_pool2d(levels, (frames, 1), stride=(stride, 1))
    lag = frames // stride
    return means[:, :, lag:] - means[:, :, :-lag]
