"""Training of the VAE: log-mel (1, T, 64) <-> latents (16, T / 8, 8)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional as F

from ambientgen.training.corpus import Corpus
from ambientgen.training.loop import Fit, Schedule

# Eight-fold, 16 channels: the geometry in which a UNet of our size trains on two cores.
CONFIG = {
    "in_channels": 1,
    "out_channels": 1,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [16, 32, 64, 96],
    "layers_per_block": 1,
    "latent_channels": 16,
    "norm_num_groups": 8,
    "mid_block_add_attention": False,
    "sample_size": 1024,
}
CROP, BATCH = 128, 12  # mel frames, clips
MEL_SCALE = 2.4  # standard deviation of the corpus' log-mels: the unit of the reconstruction loss
KL_WEIGHT = 2e-3


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


def train(corpus: Corpus, folder: Path, schedule: Schedule) -> AutoencoderKL:
    """L1 in units of the corpus' spread, L1 of slopes (the grain), and a small KL."""
    vae = new_vae()

    def loss(step: int) -> dict[str, Tensor]:
        torch.manual_seed(step)
        mel, _ = crops(corpus, step, BATCH, CROP, salt=1)
        posterior = vae.encode(mel.to(memory_format=torch.channels_last)).latent_dist
        out = vae.decode(posterior.sample()).sample
        slopes = F.l1_loss(out.diff(dim=2), mel.diff(dim=2)) + F.l1_loss(
            out.diff(dim=3), mel.diff(dim=3)
        )
        return {
            "l1": F.l1_loss(out, mel) / MEL_SCALE,
            "slopes": 0.25 * slopes / MEL_SCALE,
            "kl": KL_WEIGHT * posterior.kl().mean() / posterior.mean[0].numel(),
        }

    return Fit(vae, loss, schedule, folder, "vae").run()
