"""Seconds, samples, mel frames and latent frames: all rounding lives here.

Seconds turn into integers once, in this module, and stay integers. A *latent frame* is one column
of the diffusion grid; it spans `latent_stride` mel frames, each of `mel_hop` samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MODEL_RATE = 16_000
"""Hz, of every AudioLDM 2, and so of all that is synthesised, learnt from or compared with it."""

DB_OF_NEPER = 20 / math.log(10)
"""A step of 1 in a log-mel, which is of magnitudes, in dB."""

TONE_FRAMES = 16
"""Mel frames after which the phases of the texture vocoder's tones repeat: 32 of its STFT frames
(80 * 32 = 5 * 512 samples). Pieces that start on a multiple of them continue one another's tones,
and a loop is a whole number of these."""


def samples_at(time_s: float, rate: float) -> int:
    """The sample, of `rate` a second, nearest to `time_s` (halves go up)."""
    return math.floor(time_s * rate + 0.5)


@dataclass(frozen=True)
class ChunkRule:
    """What a model's VAE decodes at a time, in mel frames: `core`, `fade` more, over which the next
    chunk comes in, and `context` on either side that is thrown away.

    A VAE normalises over all that it is given, so what it makes of a sound that grows louder
    depends on this: a long chunk is too even inside, and the next begins with a jump. With `norms`
    it normalises each frame over so many around it instead (`models.nets.moving_norm`). A chunk is
    always decoded whole, however little of it is heard.
    """

    core: int
    fade: int
    context: int
    norms: int = 0

    @property
    def frames(self) -> int:
        """All that is decoded."""
        return self.core + self.fade + 2 * self.context


@dataclass(frozen=True)
class Geometry:
    """The shape of a model's time axis and latents.

    AudioLDM 2: 16 kHz, hop 160, 64 mel bins, stride 4, 8 channels (haoheliu/AudioLDM2,
    `audioldm2/utils.py`). Pocket: stride 8, 16 channels.

    chunk: what its VAE decodes at a time. AudioLDM 2's learnt from 10.24 s: 7.68 s, and 0.32 s each
    of fade and context.

    stretch: how many times longer than the model's a latent frame lasts, in seconds and samples of
    the scene: 1, but in a loop, which must be a whole number of frames.
    """

    sample_rate: int
    mel_hop: int
    mel_bins: int
    latent_stride: int
    latent_channels: int
    stretch: float = 1.0
    chunk: ChunkRule = ChunkRule(768, 32, 32)

    @property
    def latent_bins(self) -> int:
        """Frequency bins of a latent frame."""
        return self.mel_bins // self.latent_stride

    @property
    def samples_per_frame(self) -> int:
        """Samples that the model makes of one latent frame."""
        return self.mel_hop * self.latent_stride

    @property
    def frames_per_second(self) -> float:
        """Latent frames a second: 12.5 for pocket, 25 for AudioLDM 2."""
        return self.sample_rate / self.samples_per_frame / self.stretch

    def samples(self, time_s: float) -> int:
        """The sample nearest to `time_s` (halves go up)."""
        return samples_at(time_s, self.sample_rate)

    def frames_covering(self, duration_s: float) -> int:
        """The fewest latent frames whose samples cover `duration_s` (never fewer than one)."""
        return max(1, -(-self.samples(duration_s) // self.samples_per_frame))

    def seconds(self, frame: float) -> float:
        """Time in seconds of the left edge of latent frame `frame`."""
        return frame * self.samples_per_frame / self.sample_rate * self.stretch


@dataclass(frozen=True)
class Loop:
    """A loop of `samples`, as the model makes it: `frames` latent frames of `made_samples`.

    A loop may last any number of samples, but is made of whole latent frames: what is made is
    resampled from `made_samples` to `samples`, at most 2 % apart, and less the longer it is.
    """

    samples: int
    frames: int
    made_samples: int

    @classmethod
    def of(cls, samples: int, geometry: Geometry) -> Loop:
        """The loop nearest to `samples` that whole latent frames and whole tones make."""
        step = max(1, TONE_FRAMES // geometry.latent_stride)
        per_step = step * geometry.samples_per_frame
        frames = max(1, math.floor(samples / per_step + 0.5)) * step
        return cls(samples, frames, frames * geometry.samples_per_frame)

    def mel_frames(self, geometry: Geometry) -> int:
        """The same in mel frames."""
        return self.frames * geometry.latent_stride


def whole_period(samples: int, from_rate: int, to_rate: int) -> int:
    """The loop length nearest to `samples` of `from_rate` Hz that is whole in both rates.

    From 16 kHz it is a multiple of 10 ms for 44.1 kHz, 20 ms for 22.05 kHz, 5 ms for 88.2 kHz, and
    of two samples for 24 kHz; for multiples of 16 kHz it is `samples`. At least one such step.
    """
    step = from_rate // math.gcd(from_rate, to_rate)
    return max(1, (2 * samples + step) // (2 * step)) * step
