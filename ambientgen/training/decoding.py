"""Decoder and vocoder learn together: what is heard of both is what counts.

Each by itself is taught a mel. But what a vocoder makes of a decoded mel is not what it makes of a
true one: noise that the decoder already lets swell in groups of bands swells once more by itself.
So both are trained as one, on the texture of what comes out (`texture.py`) beside what the vocoder
is taught by, from latents as renders have them: encoded over a whole clip, decoded with norms that
move. The encoder stays, and with it all latents that a UNet has learnt.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.models.nets.moving_norm import move_norms
from ambientgen.models.vocoder import TextureVocoder
from ambientgen.training import vae, vocoder
from ambientgen.training.corpus import draw_recipes, mix
from ambientgen.training.loop import Fit, Schedule
from ambientgen.training.mel import HOP, log_mel
from ambientgen.training.stems import CLIP_FRAMES, Stems
from ambientgen.training.texture import texture_energy

NAME = "decoding"
SALT = 33  # of the random numbers that choose stretches
SPAN = 96  # latent frames that the decoder's norms move over, as ambientgen.json says it of pocket
STRIDE = 8  # mel frames of a latent frame
LENGTH, EDGE = 48, 6  # latent frames of a stretch, and at each side that no loss hears
BATCH = 4
TRUE = 0.25  # share of batches in which the vocoder hears true mels, not to forget them
# Statistics of a few seconds are a small number beside spectra, and what the ear keeps; to follow
# the mel to the letter leads to its mean.
TEXTURE_WEIGHT, MEL_WEIGHT = 4.0, 0.3


class Voice(nn.Module):
    """All that makes sound of latents: the VAE's decoder, with norms that move, and the vocoder."""

    def __init__(self, autoencoder: AutoencoderKL, network: TextureVocoder) -> None:
        super().__init__()
        own = deepcopy(autoencoder)
        self.post_quant_conv, self.decoder = own.post_quant_conv, own.decoder
        self.vocoder = deepcopy(network)
        move_norms(self.decoder, SPAN)
        self.requires_grad_(True)

    def mels(self, latents: Tensor) -> Tensor:
        """Log-mels (B, T, 64) of latents (B, 16, T / 8, 8) as the encoder makes them."""
        mels: Tensor = self.decoder(self.post_quant_conv(latents))[:, 0]
        return mels

    def given_back(self, autoencoder: AutoencoderKL) -> AutoencoderKL:
        """The autoencoder with this decoder, its norms stock ones of the same weights."""
        whole = deepcopy(autoencoder)
        whole.decoder.load_state_dict(self.decoder.state_dict())
        whole.post_quant_conv.load_state_dict(self.post_quant_conv.state_dict())
        return whole.eval().requires_grad_(False)


def train(
    stems: Stems,
    autoencoder: AutoencoderKL,
    network: TextureVocoder,
    folder: Path,
    schedule: Schedule,
    seed: int,
) -> tuple[AutoencoderKL, TextureVocoder]:
    """Train both on stretches of mixtures, from the weights they have; both with EMA weights."""
    voice = Voice(autoencoder, network)
    names = [str(name) for name in stems.names]
    inner = slice(EDGE * STRIDE * HOP, (LENGTH - EDGE) * STRIDE * HOP)

    def loss(step: int) -> dict[str, Tensor]:
        torch.manual_seed(step)
        rng = np.random.default_rng([SALT, step])
        recipes = draw_recipes(names, BATCH, seed + step)
        clips = torch.from_numpy(np.stack([mix(stems, recipe) for recipe in recipes]))
        starts = rng.integers(0, CLIP_FRAMES // STRIDE - LENGTH + 1, BATCH).tolist()
        mels = log_mel(clips)
        mel = _cut(mels, starts, STRIDE, LENGTH)
        sound = _cut(clips, starts, STRIDE * HOP, LENGTH)[:, inner]
        if rng.random() < TRUE:
            return heard_losses(voice.vocoder, mel, sound, inner)
        with torch.no_grad():
            latents = autoencoder.encode(mels[:, None]).latent_dist.sample()
        decoded = voice.mels(_cut(latents.transpose(1, 2), starts, 1, LENGTH).transpose(1, 2))
        seen = slice(EDGE * STRIDE, (LENGTH - EDGE) * STRIDE)
        told = mel_losses(decoded[:, None, seen], mel[:, None, seen])
        return told | heard_losses(voice.vocoder, decoded, sound, inner)

    Fit(voice, loss, schedule, folder, NAME).run()
    return voice.given_back(autoencoder), voice.vocoder.eval().requires_grad_(False)


def mel_losses(decoded: Tensor, mel: Tensor) -> dict[str, Tensor]:
    """What is asked of decoded mels (B, 1, T, 64): as of a VAE's, but far less of it."""
    return {
        "l1": MEL_WEIGHT * F.l1_loss(decoded, mel) / vae.MEL_SCALE,
        "slopes": vae.SLOPES_WEIGHT * vae.slopes(decoded, mel) / vae.MEL_SCALE,
        "mel_grain": vae.GRAIN_WEIGHT * vae.grain(decoded, mel),
    }


def heard_losses(
    network: TextureVocoder, mel: Tensor, sound: Tensor, inner: slice
) -> dict[str, Tensor]:
    """What is asked of two drafts of a mel (B, T, 64), heard in samples `inner`: what a vocoder is
    taught by, and the texture."""
    one, other = (network(mel)[:, inner] for _ in range(2))
    found = vocoder.draft_losses(one, other, sound)
    groups = texture_energy(one, other, sound)
    found["texture"] = TEXTURE_WEIGHT * torch.stack(list(groups.values())).mean()
    return found


def _cut(values: Tensor, starts: list[int], per_frame: int, frames: int) -> Tensor:
    """From each row of values (B, n, …) so many latent frames from its start on."""
    return torch.stack(
        [
            row[start * per_frame : (start + frames) * per_frame]
            for row, start in zip(values, starts, strict=True)
        ]
    )
