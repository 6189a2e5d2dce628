"""The mel front end of AudioLDM 2, for training only: waveform -> natural log-mel.

16 kHz, n_fft 1024, hop 160, 64 Slaney mel bands 0-8 kHz, log of magnitudes clamped at 1e-5
(haoheliu/AudioLDM2, `audioldm2/utils.py`).
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from transformers.audio_utils import mel_filter_bank

from ambientgen import mel

N_FFT, HOP, RATE, FLOOR = mel.WINDOW, mel.HOP, mel.RATE, mel.FLOOR
MEL_BINS = 64


@cache
def mel_basis() -> Tensor:
    """The filter bank, shape (N_FFT / 2 + 1, MEL_BINS)."""
    bank = mel_filter_bank(N_FFT // 2 + 1, MEL_BINS, 0.0, 8000.0, RATE, "slaney", "slaney")
    return torch.from_numpy(bank).float()


def log_mel(audio: Tensor) -> Tensor:
    """Log-mel of audio (B, n) with n a multiple of HOP. Shape (B, n / HOP, MEL_BINS)."""
    spectrum = torch.stft(
        audio, N_FFT, HOP, window=torch.hann_window(N_FFT), center=True, return_complex=True
    ).abs()
    bands = spectrum[..., :-1].transpose(1, 2) @ mel_basis()
    return bands.clamp_min(FLOOR).log()
