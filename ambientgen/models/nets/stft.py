"""Short-time spectra and back, as torch.stft and torch.istft have them: Hann, centred, zeros beyond
the ends. Of what they spend half is saved by adding overlapping frames up in slices, and by square
roots where magnitudes fear no overflow.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F


def spectra(audio: Tensor, size: int, hop: int) -> Tensor:
    """Of audio (B, n), n a multiple of `hop`: complex (B, n / hop + 1, size / 2 + 1)."""
    frames = F.pad(audio, (size // 2, size // 2)).unfold(1, size, hop)
    spectrum: Tensor = torch.fft.rfft(frames * torch.hann_window(size, device=audio.device))
    return spectrum


def magnitudes(spectrum: Tensor) -> Tensor:
    """Of a complex spectrum."""
    if spectrum.requires_grad:
        return spectrum.abs()  # whose slope at 0 is none, and not infinite
    return (spectrum.real.square() + spectrum.imag.square()).sqrt()


def waveform(spectrum: Tensor, size: int, hop: int, hops: int) -> Tensor:
    """The audio (B, hops * hop) that frames (B, T, size / 2 + 1) are most nearly spectra of.

    `hops` is T - 1, or more where what follows the frames is silence.
    """
    frames = torch.fft.irfft(spectrum, size) * torch.hann_window(size, device=spectrum.device)
    return _added(frames, hop, hops) / _envelope(size, hop, hops, spectrum.device)


def _added(frames: Tensor, hop: int, hops: int) -> Tensor:
    """Frames (B, T, size), each a hop after the one before, added up: (B, hops * hop), from the
    middle of the first on."""
    batch, count, size = frames.shape
    total = frames.new_zeros(batch, max(count, hops + 1) + size // hop, hop)
    for place, begin in enumerate(range(0, size, hop)):
        part = frames[:, :, begin : begin + hop]
        total[:, place : place + count, : part.shape[2]] += part
    return total.flatten(1)[:, size // 2 : size // 2 + hops * hop]


@lru_cache(maxsize=4)
def _envelope(size: int, hop: int, hops: int, device: torch.device) -> Tensor:
    """What windows, heard twice, add up to: (1, hops * hop)."""
    with torch.inference_mode(False):  # so that training may use what a render has left
        squared = torch.hann_window(size, device=device).square()
        return _added(squared.expand(1, hops + 1, size), hop, hops)
