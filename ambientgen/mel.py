"""Samples to log-mel, as AudioLDM 2 was trained on: what its VAE encodes.

16 kHz, windows of 1024 samples, hop 160, Slaney bands up to 8 kHz, natural logarithm of magnitudes
of at least 1e-5 (haoheliu/AudioLDM2, `audioldm2/utils.py`).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ambientgen.units import MODEL_RATE

WINDOW, HOP, RATE, FLOOR = 1024, 160, MODEL_RATE, 1e-5
CONTEXT = WINDOW // 2
"""Samples that a frame hears on both sides of its middle, which is sample HOP · frame."""

# Slaney's mel scale (Auditory Toolbox, 1998): straight up to 1 kHz, 15 mels there, then 27 mels for
# a factor of 6.4.
_STRAIGHT_HZ, _STRAIGHT_MELS, _STEP = 1000.0, 15.0, np.log(6.4) / 27.0


@cache
def bands(count: int) -> NDArray[np.float32]:
    """The filter bank, (WINDOW / 2 + 1, count): triangles of equal area."""
    top = _STRAIGHT_MELS + np.log(RATE / 2 / _STRAIGHT_HZ) / _STEP
    mels = np.linspace(0.0, top, count + 2)
    above = _STRAIGHT_HZ * np.exp(_STEP * (mels - _STRAIGHT_MELS))
    edges = np.where(mels < _STRAIGHT_MELS, mels * _STRAIGHT_HZ / _STRAIGHT_MELS, above)
    hz = np.linspace(0.0, RATE / 2, WINDOW // 2 + 1)[:, np.newaxis]
    rising = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    bank = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (edges[2:] - edges[:-2])
    return np.asarray(bank, np.float32)


def log_mel(samples: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Log-mel (frames, count) of samples (n,): frame i is around sample CONTEXT + HOP · i.

    n = HOP · (frames - 1) + 2 · CONTEXT.
    """
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    magnitudes = np.abs(np.fft.rfft(frames * window)).astype(np.float32)
    return np.asarray(np.log(np.maximum(magnitudes @ bands(count), FLOOR)), np.float32)
