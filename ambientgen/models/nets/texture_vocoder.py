"""The texture vocoder: log-mel to waveform by shaping noise and fixed tones in the STFT domain.

A convolutional network at mel rate predicts, for every bin of a short-time spectrum, a gain for
white noise and a complex gain for a tone at the bin's centre; their sum is inverted to sound. Noise
stays noise whatever the mel (a generator with strided convolutions buzzes on a constant one), and
the output is local: a mel frame is heard by samples near it alone, so a piece with as many mel
frames as `stretch.VOCODER_CONTEXT` on either side equals the whole.

White noise has levels of its own from frame to frame and band to band, which would cover what a mel
says of drops and crackle. So the first draft is heard with the mel's own front end, and its bands
are led to the mel that was given, by 2 nepers at most. A decoder's mel is smoother than any sound,
and one that followed it to the letter would be too: so the noise's own levels are given back, as
much of them as the network says.

A decoded mel tells how much there is of drops and crackle better than when each falls. So the
network may be told numbers drawn for each frame beside it, of which it makes events: `chances`.
They are drawn from the excitation itself, so that a place in time has one draw of everything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.models.configuration import Fields
from ambientgen.models.nets.stft import magnitudes, spectra, waveform

# The mel front end, as `training/mel.py` has it: samples of a frame, and its least magnitude.
FRONT_FFT, FLOOR = 1024, 1e-5
LEAST_FILTER = 1e-5  # of a bin in all filters; the first and last bin have none
MOST_MOVED = 1.0  # nepers by which the network may ask for another mel than it was given
MOST_LED = 2.0  # nepers by which a band of the draft is led at most
# Magnitude that unit white noise has in the front end's STFT: Hann of 1024, root of the sum of
# squares (384) times the mean of a Rayleigh variable, sqrt(pi) / 2.
NOISE_MAGNITUDE = math.sqrt(384) * math.sqrt(math.pi) / 2

FIELDS = Fields(
    {
        "model_in_dim": 64,
        "sampling_rate": 16_000,
        "upsample_rates": (5, 4, 2, 2, 2),
        "width": 192,
        "depth": 6,
        "n_fft": 512,
        "pulses": 0,
        "chances": 0,
        "led": False,
    }
)


class Block(nn.Module):
    """A ConvNeXt block over (B, C, L): depthwise convolution, then a wide pointwise network."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 3 * width)
        self.narrow = nn.Linear(3 * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, L) -> (B, C, L)."""
        y = self.norm(self.depthwise(x).transpose(1, 2))
        y = self.narrow(F.gelu(self.widen(y))) * self.scale
        refined: Tensor = x + y.transpose(1, 2)
        return refined


class TextureNet(nn.Module):
    """Log-mel (B, T, model_in_dim) to waveform (B, T * 160) at 16 kHz."""

    takes_noise = True  # the excitation is an argument: a field of noise lets pieces continue
    spread: Tensor  # (mels, bins): what one unit of each mel band gives each bin
    bank: Tensor  # (513, mels): the front end's filters, if drafts are led
    phase: Tensor  # (bins,): where each tone begins, in radians

    def __init__(
        self,
        model_in_dim: int = 64,
        upsample_rates: tuple[int, ...] = (5, 4, 2, 2, 2),
        width: int = 192,
        depth: int = 6,
        n_fft: int = 512,
        pulses: int = 0,
        *,
        chances: int = 0,
        led: bool = False,
    ) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.pulses = pulses  # gains of the excitation in each STFT frame's hop; 0: it is even
        self.mel_hop = math.prod(upsample_rates)
        self.hop = self.mel_hop // 2
        bins = n_fft // 2 + 1
        self.chances = chances  # numbers drawn for each mel frame, beside what the mel says
        self.enter = nn.Conv1d(model_in_dim + chances, width, 7, padding=3)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 2 * (3 * bins + pulses))  # two STFT frames a mel frame
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.head.weight, std=1e-3)
        self.register_buffer("spread", torch.zeros(model_in_dim, bins))
        self.register_buffer("phase", torch.zeros(bins))
        self.leading: nn.Linear | None = None  # to the levels to lead to
        if led:
            self.leading = nn.Linear(width, 2 * model_in_dim)
            nn.init.zeros_(self.leading.bias)
            nn.init.zeros_(self.leading.weight)
            self.register_buffer("bank", torch.zeros(FRONT_FFT // 2 + 1, model_in_dim))
        self._kept_tones: Tensor | None = None

    @classmethod
    def configured(cls, config: Mapping[str, Any]) -> TextureNet:
        """From a TextureVocoder's configuration. Raises UnsupportedError."""
        values = FIELDS.of(config)
        del values["sampling_rate"]
        return cls(**values)

    def forward(
        self, spectrogram: Tensor, noise: Tensor | None = None, tuned: bool = False
    ) -> Tensor:
        """Waveform (B, T * 160) of log-mels (B, T, mels).

        `noise` (B, T * 160) is the white excitation; without it, torch's generator draws it. To
        continue another piece, the first mel frame must lie on a multiple of TONE_FRAMES. Noise
        that is `tuned` has tones of its own, and gets none of the network's, which are in no key.
        """
        batch, frames, _ = spectrogram.shape
        if noise is None:
            noise = torch.randn(batch, frames * self.mel_hop, device=spectrogram.device)
        told = spectrogram
        if self.chances:
            told = torch.cat([told, self._chance(noise).to(told)], -1)
        x = self.norm(self.blocks(self.enter(told.transpose(1, 2))).transpose(1, 2))
        shape = self.head(x).float()
        shape = shape.reshape(batch, 2 * frames, -1)
        excitation = noise
        if self.pulses:
            excitation = noise * self._envelope(shape[..., -self.pulses :])
        shape = shape[..., : len(self.phase) * 3].unflatten(-1, (3, -1))
        white = spectra(excitation, self.n_fft, self.hop)[:, :-1]
        shaped = white * shape[:, :, 0].clamp(-8, 8).exp()
        if not tuned:
            tonal = torch.complex(shape[:, :, 1], shape[:, :, 2]) * self._tones(2 * frames)
            shaped = shaped + tonal
        base = spectrogram.float().exp() @ self.spread.float()  # of both frames of a mel frame
        spectrum = (shaped.unflatten(1, (-1, 2)) * base[:, :, None]).flatten(1, 2)
        draft = waveform(spectrum, self.n_fft, self.hop, 2 * frames)
        if self.leading is None:
            return draft
        share, moved = self.leading(x).float().chunk(2, -1)
        own = (
            self._levels(self._spectra(noise)) - self.bank.float().sum(0).mul(NOISE_MAGNITUDE).log()
        )
        wanted = spectrogram.float() + MOST_MOVED * moved.tanh() + share.sigmoid() * own
        return self._led(draft, wanted)

    def _chance(self, noise: Tensor) -> Tensor:
        """What the noise (B, T * 160) draws for each mel frame: (B, T, chances), of unit variance.

        Sums of neighbouring samples, each as long as a pulse if there are as many.
        """
        apart = noise.reshape(len(noise), -1, self.chances, self.mel_hop // self.chances)
        return apart.sum(-1) / math.sqrt(apart.shape[-1])

    def _spectra(self, audio: Tensor) -> Tensor:
        """What the mel's front end hears of audio (B, n): spectra (B, T + 1, 513), complex."""
        return spectra(audio, FRONT_FFT, self.mel_hop)

    def _levels(self, spectrum: Tensor) -> Tensor:
        """The log-mel (B, T, mels) of a spectrum (B, T + 1, 513)."""
        return (magnitudes(spectrum[:, :-1]) @ self.bank.float()).clamp_min(FLOOR).log()

    def _led(self, draft: Tensor, wanted: Tensor) -> Tensor:
        """A draft (B, n) whose bands are led to the log-mels `wanted` (B, T, mels)."""
        heard, bank = self._spectra(draft), self.bank.float()
        off = (wanted - self._levels(heard)).clamp(-MOST_LED, MOST_LED)
        of_bins = bank / bank.sum(1, keepdim=True).clamp_min(LEAST_FILTER)
        gains = F.pad((off @ of_bins.T).exp(), (0, 0, 0, 1), value=1.0)
        return waveform(heard * gains, FRONT_FFT, self.mel_hop, wanted.shape[1])

    def _envelope(self, pulses: Tensor) -> Tensor:
        """Gains of the white excitation, (B, frames * hop), from their logs (B, frames, pulses),
        with straight lines between the pulses' middles.

        A frame's window is 32 ms long: shaped in its bins alone, a click would be smeared over it.
        """
        logs = F.pad(pulses.flatten(1).clamp(-4, 4)[:, None], (1, 1), "replicate")
        logs = logs[:, 0, :, None]
        before, own, after = logs[:, :-2], logs[:, 1:-1], logs[:, 2:]
        # Each pulse by itself: positions counted along a piece would be rounded more and more.
        samples = self.hop // self.pulses
        at = (torch.arange(samples, device=logs.device) + 0.5) / samples - 0.5
        lines = own + at.clamp(min=0) * (after - own) - at.clamp(max=0) * (before - own)
        return lines.flatten(1).exp()

    def _tones(self, frames: int) -> Tensor:
        """The bins' centre tones as loud as a bin of white noise, (frames, bins) complex.

        Pieces of one length share them: when rendering, the last ones made are kept.
        """
        if not torch.is_inference_mode_enabled():
            return self._new_tones(frames)
        kept = self._kept_tones
        if kept is None or len(kept) != frames or kept.device != self.phase.device:
            kept = self._kept_tones = self._new_tones(frames)
        return kept

    def _new_tones(self, frames: int) -> Tensor:
        bins = torch.arange(len(self.phase), device=self.phase.device)
        # Integers modulo the period first: exact however long the piece.
        turns = (torch.arange(frames, device=bins.device)[:, None] * self.hop * bins) % self.n_fft
        angle = turns * (2 * math.pi / self.n_fft) + self.phase.float()
        return torch.polar(torch.full_like(angle, math.sqrt(self.n_fft)), angle)
