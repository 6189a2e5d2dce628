"""Training of the LOA encoder: a small masked autoencoder on log-mels (AudioMAE's recipe).

Its pooled patches are pocket's Language of Audio: 8 embeddings in time order, average plus maximum
halved, as AudioLDM 2 pools AudioMAE's (`AudioMAEConditionCTPoolRand`).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.models.loading import LOA_TOKENS
from ambientgen.training.corpus import Corpus
from ambientgen.training.loop import Fit, Schedule
from ambientgen.training.vae import crops

PATCH_FRAMES, PATCH_BINS = 8, 16  # one latent frame, a quarter of the mel axis
FREQUENCY_PATCHES = 64 // PATCH_BINS
WIDTH, LAYERS, HEADS = 192, 4, 4
DECODER_WIDTH, DECODER_LAYERS = 128, 2
MASKED = 0.75  # AudioMAE masks 80 % of patches sixteen times rarer than ours
MEL_MEAN, MEL_SCALE = -6.0, 2.4
# Mel frames: the spans of pocket's windows, the shortest twice as often.
CROPS = (256, 256, 448, 832)
BATCH = 24


def positions(time_patches: int, width: int) -> Tensor:
    """Sine-cosine places of all patches: relative time in the crop, and frequency. (patches, width)

    Time is relative, so token i of a window means the same part of it whatever the window's length.
    """
    quarter = width // 4
    speed = torch.exp(torch.linspace(0.0, 4.0, quarter))
    time = (torch.arange(time_patches) + 0.5) / time_patches * 2
    band = torch.arange(FREQUENCY_PATCHES) / FREQUENCY_PATCHES * 2
    t = (time[:, None] * speed)[:, None].expand(-1, FREQUENCY_PATCHES, -1)
    f = (band[:, None] * speed)[None].expand(time_patches, -1, -1)
    return torch.cat([t.sin(), t.cos(), f.sin(), f.cos()], -1).flatten(0, 1)


def patches(mel: Tensor) -> Tensor:
    """Log-mel (B, T, 64) as normalised patches (B, T / 8 * 4, 128), time-major."""
    batch, frames, _ = mel.shape
    grid = ((mel - MEL_MEAN) / MEL_SCALE).reshape(
        batch, frames // PATCH_FRAMES, PATCH_FRAMES, FREQUENCY_PATCHES, PATCH_BINS
    )
    return grid.transpose(2, 3).flatten(3).flatten(1, 2)


def _stack(width: int, layers: int) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        width, HEADS, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)


class LoaEncoder(nn.Module):
    """Log-mel (B, T, 64), T a multiple of 64 frames, to LOA (B, 8, WIDTH)."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(PATCH_FRAMES * PATCH_BINS, WIDTH)
        self.encoder = _stack(WIDTH, LAYERS)

    def features(self, mel: Tensor, kept: Tensor | None = None) -> Tensor:
        """Features of all patches, or of the kept ones (B, K) alone: (B, K, WIDTH)."""
        tokens = self.embed(patches(mel)) + positions(mel.shape[1] // PATCH_FRAMES, WIDTH)
        if kept is not None:
            tokens = tokens.gather(1, kept[..., None].expand(-1, -1, WIDTH))
        features: Tensor = self.encoder(tokens)
        return features

    def forward(self, mel: Tensor) -> Tensor:
        """The LOA: features pooled over frequency and an eighth of the time each."""
        features = self.features(mel).unflatten(1, (LOA_TOKENS, -1))
        return (features.mean(2) + features.amax(2)) / 2


class MaskedAutoencoder(nn.Module):
    """The encoder with the light decoder that trains it: predict the masked patches."""

    def __init__(self) -> None:
        super().__init__()
        self.loa = LoaEncoder()
        self.narrow = nn.Linear(WIDTH, DECODER_WIDTH)
        self.mask_token = nn.Parameter(torch.zeros(DECODER_WIDTH))
        self.decoder = _stack(DECODER_WIDTH, DECODER_LAYERS)
        self.predict = nn.Linear(DECODER_WIDTH, PATCH_FRAMES * PATCH_BINS)

    def forward(self, mel: Tensor, order: Tensor) -> Tensor:
        """Mean square error on the masked patches; `order` (B, P) is a random permutation."""
        count = order.shape[1]
        kept, masked = order.split(
            [round(count * (1 - MASKED)), count - round(count * (1 - MASKED))], 1
        )
        seen = self.narrow(self.loa.features(mel, kept))
        full = self.mask_token.expand(len(mel), count, -1).scatter(
            1, kept[..., None].expand(-1, -1, DECODER_WIDTH), seen
        )
        full = full + positions(mel.shape[1] // PATCH_FRAMES, DECODER_WIDTH)
        out = self.predict(self.decoder(full))
        pick = masked[..., None].expand(-1, -1, out.shape[-1])
        return F.mse_loss(out.gather(1, pick), patches(mel).gather(1, pick))


def train(corpus: Corpus, folder: Path, schedule: Schedule) -> LoaEncoder:
    """Train the autoencoder and return its encoder."""
    torch.manual_seed(0)
    module = MaskedAutoencoder()

    def loss(step: int) -> dict[str, Tensor]:
        torch.manual_seed(step)
        frames = CROPS[step % len(CROPS)]
        mel, _ = crops(corpus, step, BATCH * CROPS[0] // frames + 1, frames, salt=2)
        order = torch.rand(len(mel), frames // PATCH_FRAMES * FREQUENCY_PATCHES).argsort(1)
        return {"masked": module(mel[:, 0], order)}

    return Fit(module, loss, schedule, folder, "mae").run().loa
