"""Distance: how much fainter and duller a sound arrives, and how much of it by way of reflections.

A scene says 0 (at the ear) to 1 (on the horizon). Equal steps are equal factors in metres, as near
things differ more for 10 m than far ones.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

NEAREST_M, FARTHEST_M = 1.0, 1000.0

# In a free field a thousand times the distance is 60 dB. A designer who moves a sound away wants it
# to be fainter, yet heard beside others; listeners, too, allow for distance when they judge how
# loud a source is (Zahorik and Wightman, "Loudness constancy with varying sound source distance",
# Nature Neuroscience 2001). So a sound loses 8 dB a decade.
LOSS_DB = 24.0

_TEMPERATURE_K, _HUMIDITY = 293.15, 70.0  # 20 °C, 70 %: ISO 9613-2's table has them too
_TRIPLE_POINT_K = 273.16


def metres(distance: float) -> float:
    """Distance 0…1 in metres: from 1 m to 1 km, in equal factors."""
    return NEAREST_M * math.exp(distance * math.log(FARTHEST_M / NEAREST_M))


def loss(distance: float) -> float:
    """What the amplitude is multiplied by: 1 at 0, -24 dB at 1."""
    return math.exp(-LOSS_DB / 20.0 * distance * math.log(10.0))


def absorption_db_per_m(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """What air takes away at each frequency, in dB a metre: ISO 9613-1:1993, equations 3 to 5.

    At 20 °C, 70 % relative humidity and one atmosphere: 5.0 dB a kilometre at 1 kHz, 77 at 8 kHz.
    """
    relative = _TEMPERATURE_K / 293.15
    saturation = 10 ** (4.6151 - 6.8346 * (_TRIPLE_POINT_K / _TEMPERATURE_K) ** 1.261)
    water = _HUMIDITY * saturation  # molar share of water vapour, in percent
    oxygen_hz = 24 + 4.04e4 * water * (0.02 + water) / (0.391 + water)
    nitrogen_hz = relative**-0.5 * (9 + 280 * water * math.exp(-4.170 * (relative ** (-1 / 3) - 1)))
    oxygen = 0.01275 * math.exp(-2239.1 / _TEMPERATURE_K) / (oxygen_hz + hz**2 / oxygen_hz)
    nitrogen = 0.1068 * math.exp(-3352.0 / _TEMPERATURE_K) / (nitrogen_hz + hz**2 / nitrogen_hz)
    classical = 1.84e-11 * relative**0.5
    total = 8.686 * hz**2 * (classical + relative**-2.5 * (oxygen + nitrogen))
    return np.asarray(total, np.float64)


def half_taps(rate: int) -> int:
    """Taps of `air` on each side of its middle: 2/3 ms, and never fewer than 16."""
    return max(16, rate // 1500)


def air(distance: float, rate: int) -> NDArray[np.float64]:
    """What so much air does, as (2 · half_taps + 1,) taps: symmetric about the middle one.

    At 0 nothing: a single 1.
    """
    half = half_taps(rate)
    attenuation, cosines = _tables(rate)
    if distance <= 0.0:
        return np.asarray(np.arange(-half, half + 1) == 0, np.float64)
    amplitude = 10 ** (-metres(distance) / 20 * attenuation)
    taps = np.asarray((cosines * amplitude).sum(axis=1), np.float64)
    return np.asarray(np.concatenate([taps[:0:-1], taps]), np.float64)


@lru_cache(maxsize=8)
def _tables(rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Absorption at frequencies (k,) up to half the rate, and what each gives to taps (half+1, k).

    An inverse Fourier transform by frequency sampling, under a Hann window.
    """
    half = half_taps(rate)
    count = 2 * half  # twice as fine as the taps: no wrap-around under the window
    hz = np.arange(count + 1) / count * (rate / 2)
    weights = np.ones(count + 1)
    weights[0] = weights[-1] = 0.5
    at = np.arange(half + 1)[:, None]
    window = 0.5 + 0.5 * np.cos(np.pi * at / (half + 1))
    cosines = np.cos(np.pi * at * np.arange(count + 1) / count)
    return absorption_db_per_m(hz), window * weights * cosines / count
