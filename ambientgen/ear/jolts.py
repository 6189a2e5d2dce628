"""Where a waveform departs from what it foretold: linear prediction, half a second at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.ndimage import uniform_filter1d
from scipy.signal import lfilter

from ambientgen.ear.source import Array
from ambientgen.ear.usual import DEVIATION_SHARE

_ORDER = 32  # of linear prediction: 2 ms at 16 kHz, enough for any smooth spectrum
_PREDICTED = 8_000  # samples that one predictor serves: half a second
_JOLT = 16  # samples a jolt is averaged over: prediction fails for about as long as its order


class Jolts:
    """Hears a mono sound at 16 kHz piece after piece: whole half seconds each, but for the last."""

    def __init__(self, slot: int) -> None:
        """slot: samples of which the worst jolt is told."""
        self._slot = slot
        self._before: _Predictor | None = None
        self._lead: Array = np.zeros(0)  # the last samples of the piece before

    def hear(self, piece: Array) -> Array:
        """The worst jolt of each whole slot of the next piece (n,): how large prediction errors of
        16 samples are, as a multiple of what is usual there. Shape (n // slot,)."""
        whole = len(piece) // self._slot * self._slot
        parts = range(0, max(whole, 1), _PREDICTED)
        error = np.concatenate([self._errors(piece[at : at + _PREDICTED]) for at in parts])[:whole]
        # Smoothed over the samples that follow each.
        power = uniform_filter1d(error**2, _JOLT, origin=-(_JOLT // 2))
        return np.asarray(np.sqrt(np.maximum(power, 0.0)).reshape(-1, self._slot).max(axis=1))

    def _errors(self, part: Array) -> Array:
        """Prediction errors of half a second, in units of their usual size.

        Its first samples follow from the half second before: what either predictor expects is no
        surprise, or a sound that stops between the two would be one.
        """
        predictor = _Predictor.of(part, self._lead)
        error = predictor.errors(part, self._lead)
        if self._before is None:
            error[:_ORDER] = 0.0  # nothing foretells a beginning
        else:
            before = self._before.errors(part[:_ORDER], self._lead)
            first = error[:_ORDER]
            error[:_ORDER] = np.where(np.abs(before) < np.abs(first), before, first)
        self._before, self._lead = predictor, part[-_ORDER:]
        return error


@dataclass(frozen=True)
class _Predictor:
    """Its filter, (_ORDER + 1,), and the usual size of its errors."""

    filter: Array
    usual: float

    @classmethod
    def of(cls, part: Array, lead: Array) -> _Predictor:
        """What foretells the samples of `part`, which follow `lead`, from those before them."""
        n = 2 ** (len(part) - 1).bit_length() * 2
        power = np.abs(np.fft.rfft(part * np.hanning(len(part)), n)) ** 2
        lags = np.fft.irfft(power)[: _ORDER + 1]
        # -60 dB of white noise: what a 16-bit file in the quietest use has anyway.
        lags[0] = lags[0] * (1 + 1e-6) + 1e-12
        own = np.concatenate([[1.0], -solve_toeplitz(lags[:-1], lags[1:])])
        error = cls(own, 1.0).errors(part, lead)
        if not len(lead):
            error[:_ORDER] = 0.0
        usual = float(np.median(np.abs(error))) / DEVIATION_SHARE
        return cls(own, max(usual, 1e-6))

    def errors(self, part: Array, lead: Array) -> Array:
        """How far `part` is from what is foretold, by `lead` where it begins: as long as `part`."""
        heard = lfilter(self.filter, 1.0, np.concatenate([lead, part]))
        return np.asarray(heard[len(lead) :] / self.usual)
