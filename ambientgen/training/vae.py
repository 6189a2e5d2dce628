"""Training of the VAE: log-mel (1, T, 64) <-> latents (16, T / 8, 8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional as F

from ambientgen.training.corpus import Corpus
from ambientgen.training.loop import Fit, Schedule

# Eight-fold, 16 channels: the geometry in which a UNet of our size trains on two cores.
LATENT_CHANNELS, LATENT_BINS = 16, 8
CONFIG = {
    "in_channels": 1,
    "out_channels": 1,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [16, 32, 64, 96],
    "layers_per_block": 1,
    "latent_channels": LATENT_CHANNELS,
    "norm_num_groups": 8,
    "mid_block_add_attention": False,
    "sample_size": 1024,
}
CROP, BATCH = 128, 12  # mel frames, clips
MEL_SCALE = 2.4  # standard deviation of the corpus' log-mels: the unit of the reconstruction loss
KL_WEIGHT = 2e-3
SLOPES_WEIGHT = 0.1
GRAIN_WEIGHT = 0.3
GRAIN_SPAN = 32  # mel frames over which fluctuations are counted


def crops(
    corpus: Corpus, step: int, batch: int, frames: int, salt: int
) -> tuple[Tensor, np.ndarray]:
    """A batch of log-mel crops (batch, 1, frames, 64) and the (clip, start) each came from."""
    rng = np.random.default_rng([salt, step])
    clips = rng.integers(0, len(corpus.mels), batch)
    starts = rng.integers(0, (corpus.mels.shape[1] - frames) // 8 + 1, batch) * 8
    mels = np.stack([corpus.mels[c, s : s + frames] for c, s in zip(clips, starts, strict=True)])
    return torch.from_numpy(mels).float()[:, None], np.stack([clips, starts], 1)


def new_vae() -> AutoencoderKL:
    """An untrained VAE whose decoder starts at the corpus' mean level."""
    torch.manual_seed(0)
    vae = AutoencoderKL(**CONFIG)
    torch.nn.init.constant_(vae.decoder.conv_out.bias, -6.0)
    return vae.to(memory_format=torch.channels_last)


def _smooth(mel: Tensor, frames: int) -> Tensor:
    """Moving average over `frames`, as long as its input (B, 1, T, F)."""
    ends = (0, 0, frames // 2, (frames - 1) // 2)
    return F.avg_pool2d(F.pad(mel, ends, mode="replicate"), (frames, 1), 1)


def _fluctuations(mel: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """How strongly a mel (B, 1, T, 64) fluctuates here and there: log of the root mean square, and
    log of the cube root of the mean cubed rises (which tells a few sharp drops from even noise).

    At modulation scales of 2 to 16 frames, in single bands, groups of 4 (a drop fills those) and of
    16, over stretches of GRAIN_SPAN frames; and from band to band.
    """
    for group in (1, 4, 16):
        before = F.avg_pool2d(mel, (1, group))
        for frames in (2, 4, 8, 16):
            after = _smooth(before, frames)
            yield _strengths(before - after)
            before = after
    yield _strengths(mel.diff(dim=3))


def _strengths(change: Tensor) -> tuple[Tensor, Tensor]:
    def over(values: Tensor) -> Tensor:
        return F.avg_pool2d(values, (GRAIN_SPAN, 1), (GRAIN_SPAN // 2, 1))

    return (over(change**2) + 1e-4).log() / 2, (over(change.relu() ** 3) + 1e-5).log() / 3


def grain(out: Tensor, mel: Tensor) -> Tensor:
    """How far a decoded mel's fluctuations are from the true one's, whatever their exact course.

    The course of noise cannot be told from a latent, and L1 makes a decoder answer with its mean;
    the ear hears only how it fluctuates (McDermott & Simoncelli 2011).
    """
    terms = []
    for (rms, peaks), (true_rms, true_peaks) in zip(
        _fluctuations(out), _fluctuations(mel), strict=True
    ):
        terms.append(F.l1_loss(rms, true_rms) / 2 + F.l1_loss(peaks, true_peaks) / 4)
    return torch.stack(terms).mean()


def train(corpus: Corpus, folder: Path, schedule: Schedule) -> AutoencoderKL:
    """L1 in units of the corpus' spread, L1 of slopes, grain, and a small KL."""
    vae = new_vae()

    def loss(step: int) -> dict[str, Tensor]:
        torch.manual_seed(step)
        mel, _ = crops(corpus, step, BATCH, CROP, salt=1)
        posterior = vae.encode(mel.to(memory_format=torch.channels_last)).latent_dist
        out = vae.decode(posterior.sample()).sample
        return {
            "l1": F.l1_loss(out, mel) / MEL_SCALE,
            "slopes": SLOPES_WEIGHT * slopes(out, mel) / MEL_SCALE,
            "grain": GRAIN_WEIGHT * grain(out, mel),
            "kl": KL_WEIGHT * posterior.kl().mean() / posterior.mean[0].numel(),
        }

    return Fit(vae, loss, schedule, folder, "vae").run()


def slopes(out: Tensor, mel: Tensor) -> Tensor:
    """How far the slopes of a mel (B, 1, T, 64), in time and over bands, lie from the true ones."""
    return F.l1_loss(out.diff(dim=2), mel.diff(dim=2)) + F.l1_loss(out.diff(dim=3), mel.diff(dim=3))
