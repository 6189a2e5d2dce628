"""Space in a stereo file: how alike its channels are, what mono loses, where a sound comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from ambientgen.ear.source import Array
from ambientgen.ear.verdicts import Verdict
from ambientgen.mix.spot import LONGEST_EAR_DELAY_S, ear_delays_s

_FINER = 16  # a delay is found to a sixteenth of a sample


@dataclass
class Width:
    """Hears the blocks of a file, then tells how wide it is. Only two channels have a width."""

    _sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, 2)))

    def hear(self, block: Array) -> None:
        """Take the next (frames, channels), finite."""
        if block.shape[1] == 2:
            self._sums += block.T @ block

    @property
    def correlation(self) -> float | None:
        """Of left and right, -1 to 1: 1 is mono, 0 is as wide as can be; None if one is silent."""
        left, right = self._sums[0, 0], self._sums[1, 1]
        if left <= 0 or right <= 0:
            return None
        return float(self._sums[0, 1] / math.sqrt(left * right))

    @property
    def fold_down_db(self) -> float | None:
        """How much fainter half of the sum is than the channels are on average; None of silence."""
        mean, sum_ = float(np.trace(self._sums)) / 2, float(self._sums.sum()) / 4
        return -10 * math.log10(max(sum_ / mean, 1e-12)) if mean > 0 else None

    def verdicts(self) -> list[Verdict]:
        """Both, for information: neither is a fault."""
        found = {
            "space.correlation": (self.correlation, ""),
            "space.fold_down": (self.fold_down_db, "dB lost in mono"),
        }
        return [Verdict(name, v, unit) for name, (v, unit) in found.items() if v is not None]


@dataclass(frozen=True)
class Balance:
    """Where a stretch of stereo leans.

    level_db: how much louder right is than left. delay_s: how much later left hears it.
    """

    level_db: float
    delay_s: float

    @property
    def by_level_deg(self) -> float:
        """The direction ahead, -90 to 90, whose constant-power pan has this level difference."""
        side = 4 / math.pi * math.atan(10 ** (self.level_db / 20)) - 1
        return math.degrees(math.asin(max(-1.0, min(1.0, side))))

    @property
    def by_delay_deg(self) -> float:
        """The direction ahead, -90 to 90, in which a head's ears are so far apart."""
        low, high = -90.0, 90.0
        for _ in range(40):
            middle = (low + high) / 2
            left, right = ear_delays_s(middle)
            low, high = (middle, high) if left - right < self.delay_s else (low, middle)
        return (low + high) / 2


def balance(stereo: Array, rate: int) -> Balance:
    """Measure a stretch (n, 2) that sounds in both channels; the delay by cross-correlation."""
    power = (stereo**2).sum(axis=0)
    level_db = 10 * math.log10(max(power[1], 1e-30) / max(power[0], 1e-30))
    size = int(next_fast_len(2 * len(stereo), real=True))
    cross = rfft(stereo[:, 0], size) * np.conj(rfft(stereo[:, 1], size))
    # Zeros at the end of the spectrum tell what is between the samples.
    lags = irfft(cross, size * _FINER)
    most = math.ceil(LONGEST_EAR_DELAY_S * rate * _FINER)
    near = np.concatenate([lags[-most:], lags[: most + 1]])
    return Balance(level_db, float(np.argmax(near) - most) / (rate * _FINER))


def balances(stereo: Array, rate: int, step_s: float = 1.0) -> list[Balance]:
    """`balance` of every `step_s` seconds of (n, 2)."""
    size = round(step_s * rate)
    starts = range(0, len(stereo) - size + 1, size)
    return [balance(stereo[start : start + size], rate) for start in starts]
