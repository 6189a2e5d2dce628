"""Training of the vocoder with the spectral energy distance (Gritsenko et al. 2020).

Two draws a, b for one mel: d(x, a) + d(x, b) - d(a, b). The last term rewards draws that differ as
two takes of a texture do, so noise stays noise instead of collapsing to its mean. The same is asked
of log bands, and how these fluctuate must be right (`vae.grain`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from ambientgen.models.vocoder import TextureVocoder
from ambientgen.training.corpus import draw_recipes, mix
from ambientgen.training.loop import Fit, Schedule
from ambientgen.training.mel import HOP, MEL_BINS, log_mel, mel_basis
from ambientgen.training.stems import Stems
from ambientgen.training.vae import grain

CROP = 96  # mel frames
MARGIN = 16  # mel frames at each side that the loss leaves out
BATCH = 12
DECODED = 0.6  # share of batches that hear mels through the VAE
# Beside a spectral distance of about 1. Bands alone lead a draft to whatever mel is given: one that
# was decoded fluctuates too little, and would be followed in that.
GRAIN_WEIGHT, BANDS_WEIGHT = 2.0, 0.3
PULSES = 4  # gains of the excitation in 5 ms: 1.25 ms, a rain drop's attack
CHANCES = 8  # numbers drawn for each mel frame, so one for each pulse
SIZES = (64, 128, 256, 512, 1024, 2048)


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Spectral distance of waveforms (B, n): magnitudes and their logs at six resolutions."""
    total = torch.zeros(())
    for size in SIZES:
        window = torch.hann_window(size)
        scale = float(window.square().sum().sqrt())
        sa, sb = (
            torch.stft(w, size, size // 4, window=window, return_complex=True).abs() / scale
            for w in (a, b)
        )
        level = sb.detach().mean((1, 2), keepdim=True) + 1e-4
        logs = ((sa + 1e-5).log() - (sb + 1e-5).log()).abs().mean()
        total = total + logs + ((sa - sb).abs() / level).mean()
    return total / len(SIZES)


def fine_log(audio: Tensor) -> Tensor:
    """Log magnitudes of audio (B, n) every 2.5 ms, averaged into 64 bands: (B, 1, T, 64)."""
    size, hop = 256, 40
    window = torch.hann_window(size)
    spectrum = torch.stft(audio, size, hop, window=window, return_complex=True)
    bands = (spectrum.abs() / window.square().sum().sqrt())[:, 1:].unfold(1, 2, 2).mean(-1)
    return (bands + 1e-4).log().transpose(1, 2)[:, None]


def coarse_log(audio: Tensor) -> Tensor:
    """The log-mel of audio (B, n), as `fine_log`: (B, 1, T, 64)."""
    return log_mel(audio)[:, None]


def bands_energy(a: Tensor, b: Tensor, target: Tensor) -> Tensor:
    """The energy distance, a scalar, of log bands (B, 1, T, 64) of two drafts and a sound. There is
    far less chance in them than in bins: a drop's rise or the gap between two calls counts."""
    return (a - target).abs().mean() + (b - target).abs().mean() - (a - b).abs().mean()


def draft_losses(one: Tensor, other: Tensor, sound: Tensor) -> dict[str, Tensor]:
    """What is asked of two drafts (B, n) of a mel, given the sound it is of."""
    bands = [[view(audio) for audio in (one, other, sound)] for view in (fine_log, coarse_log)]
    texture = torch.stack([grain(draft, true) for draft, _, true in bands]).sum()
    apart = torch.stack([bands_energy(*three) for three in bands]).sum()
    return {
        "near": distance(one, sound) + distance(other, sound),
        "apart": -distance(one, other),
        "bands": BANDS_WEIGHT * apart,
        "grain": GRAIN_WEIGHT * texture,
    }


def train(
    stems: Stems, vae: AutoencoderKL, folder: Path, schedule: Schedule, seed: int
) -> TextureVocoder:
    """Train on crops of mixtures, through true and through decoded mels."""
    torch.manual_seed(0)
    vocoder = TextureVocoder(pulses=PULSES, chances=CHANCES, led=True)
    vocoder.set_front_end(mel_basis())
    names = [str(n) for n in stems.names]
    inner = slice(MARGIN * HOP, (CROP - MARGIN) * HOP)

    def loss(step: int) -> dict[str, Tensor]:
        torch.manual_seed(step)
        recipes = draw_recipes(names, BATCH, seed + step)
        rng = np.random.default_rng([3, step])
        starts = rng.integers(0, 1024 - CROP, BATCH) * HOP
        clips = np.stack(
            [mix(stems, r)[s : s + CROP * HOP] for r, s in zip(recipes, starts, strict=True)]
        )
        x = torch.from_numpy(clips)
        mel = log_mel(x)
        if rng.random() < DECODED:
            with torch.no_grad():
                mel = vae.decode(vae.encode(mel[:, None]).latent_dist.sample()).sample[:, 0]
        a, b = (vocoder(mel)[:, inner] for _ in range(2))
        target = x[:, inner]
        return draft_losses(a, b, target)

    warm = schedule.around.warm
    first = None if warm is None else with_chances(warm)
    return Fit(vocoder, loss, schedule, folder, "vocoder", warm=first).run()


def with_chances(weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """A vocoder's weights as one has them that is told chances, and makes nothing of them if this
    one was told none."""
    enter = weights.get("enter.weight")
    if enter is None or enter.dim() != 3 or enter.shape[1] != MEL_BINS:
        return weights
    unheard = enter.new_zeros(len(enter), CHANCES, enter.shape[2])
    return {**weights, "enter.weight": torch.cat([enter, unheard], 1)}
