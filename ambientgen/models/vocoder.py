"""The texture vocoder as stock diffusers knows it: what AudioLDM2Pipeline loads, and training fits.

The network itself needs no diffusers: `ambientgen.models.nets.texture_vocoder`, which rendering
loads alone. Weights and configuration are the same.
"""

from __future__ import annotations

import math

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor

from ambientgen.models.nets.texture_vocoder import (
    NOISE_MAGNITUDE,
    Block,
    TextureNet,
)

__all__ = ["NOISE_MAGNITUDE", "Block", "TextureVocoder"]


class TextureVocoder(TextureNet, ModelMixin, ConfigMixin):
    """Log-mel (B, T, model_in_dim) to waveform (B, T * 160) at 16 kHz.

    Fills the vocoder slot of diffusers' AudioLDM2Pipeline, which reads `sampling_rate`,
    `upsample_rates` (their product is the mel hop) and `model_in_dim` from the configuration.
    """

    @register_to_config
    def __init__(
        self,
        model_in_dim: int = 64,
        sampling_rate: int = 16_000,
        upsample_rates: tuple[int, ...] = (5, 4, 2, 2, 2),
        width: int = 192,
        depth: int = 6,
        n_fft: int = 512,
        *,
        pulses: int = 0,
        led: bool = False,
        chances: int = 0,
    ) -> None:
        shape = (model_in_dim, upsample_rates, width, depth, n_fft, pulses)
        super().__init__(*shape, chances=chances, led=led)

    def set_front_end(self, basis: Tensor) -> None:
        """Start from the mel front end `basis` (513, mels): how mel bands spread over the bins.

        A flat spectrum must come back flat: each bin interpolates between its two nearest bands,
        each divided by its area. Random start phases keep the tones from lining up in a click.
        """
        bands = basis.shape[1]
        centres = (basis * torch.arange(len(basis))[:, None]).sum(0) / basis.sum(0)
        at = torch.arange(self.n_fft // 2 + 1) * (len(basis) - 1) / (self.n_fft // 2)
        right = torch.searchsorted(centres, at).clamp(1, bands - 1)
        share = ((at - centres[right - 1]) / (centres[right] - centres[right - 1])).clamp(0, 1)
        bins = torch.arange(len(at))
        spread = torch.zeros_like(self.spread)
        spread[right - 1, bins] += (1 - share) / basis.sum(0)[right - 1]
        spread[right, bins] += share / basis.sum(0)[right]
        self.spread.copy_(spread / NOISE_MAGNITUDE)
        if self.leading is not None:
            self.bank.copy_(basis)
        generator = torch.Generator().manual_seed(0)
        self.phase.copy_(torch.rand(len(at), generator=generator) * 2 * math.pi)
