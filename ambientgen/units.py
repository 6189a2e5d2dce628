"""Seconds, samples, mel frames and latent frames: all rounding lives here.

Seconds turn into integers once, in this module, and stay integers. A *latent frame* is one column
of the diffusion grid; it spans `latent_stride` mel frames, each of `mel_hop` samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Geometry:
    """The shape of a model's time axis and latents.

    AudioLDM 2: 16 kHz, hop 160, 64 mel bins, stride 4, 8 channels (haoheliu/AudioLDM2,
    `audioldm2/utils.py`). Pocket: stride 8, 16 channels.
    """

    sample_rate: int
    mel_hop: int
    mel_bins: int
    latent_stride: int
    latent_channels: int

    @property
    def latent_bins(self) -> int:
        """Frequency bins of a latent frame."""
        return self.mel_bins // self.latent_stride

    @property
    def samples_per_frame(self) -> int:
        """Samples spanned by one latent frame."""
        return self.mel_hop * self.latent_stride

    @property
    def frames_per_second(self) -> float:
        """Latent frames a second: 12.5 for pocket, 25 for AudioLDM 2."""
        return self.sample_rate / self.samples_per_frame

    def samples(self, time_s: float) -> int:
        """The sample nearest to `time_s` (halves go up)."""
        return math.floor(time_s * self.sample_rate + 0.5)

    def frames_covering(self, duration_s: float) -> int:
        """The fewest latent frames whose samples cover `duration_s` (never fewer than one)."""
        return max(1, -(-self.samples(duration_s) // self.samples_per_frame))

    def seconds(self, frame: float) -> float:
        """Time in seconds of the left edge of latent frame `frame`."""
        return frame * self.samples_per_frame / self.sample_rate
