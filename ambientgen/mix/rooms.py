"""Rooms: the first reflections of a place, a few for each direction that a sound comes from.

Shoebox rooms by image sources (Allen and Berkley, "Image method for efficiently simulating
small-room acoustics", 1979), to second order; in the open the ground and some trees. What is left
out is what a scene's own words or a recording bring: the late, dense reverberation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ambientgen.scene.layers import RoomName

SOUND_M_PER_S = 343.2  # in air of 20 °C: ISO 9613-1
LONGEST_S = 0.09
"""Later reflections are not made; they fade out towards it, for none may appear at once."""

Array = NDArray[np.float64]
_ORDERS = np.array([n for n in product(range(-2, 3), repeat=3) if 0 < sum(map(abs, n)) <= 2])


@dataclass(frozen=True)
class Reflections:
    """Of one place and one direction: delays behind the direct sound, amplitudes, directions.

    Each (n,): seconds, plain (squares sum to 1), degrees.
    """

    delays_s: Array
    gains: Array
    directions_deg: Array


@dataclass(frozen=True)
class Room:
    """A place, with the listener at the origin: x right, y ahead, z up.

    Attributes:
        source_m: how far from the listener its sounds are, inside it.
        walls_m: low and high end of each axis; none in the open.
        trees_m: where what reflects stands in the open, (n, 3).
        wall: what a wall leaves of an amplitude.
        reflected_db: power of all reflections against the direct sound, at distance 0 and 1. In a
            room the reflected field is even, while the direct sound falls with distance.
    """

    source_m: float
    reflected_db: tuple[float, float]
    walls_m: tuple[tuple[float, float], ...] = ()
    trees_m: tuple[tuple[float, float, float], ...] = ()
    wall: float = 0.75

    def shares(self, distance: float) -> tuple[float, float]:
        """Amplitude of the direct sound and of all reflections: their squares sum to 1."""
        low, high = self.reflected_db
        ratio = 10 ** ((low + (high - low) * distance) / 10)
        return math.sqrt(1 / (1 + ratio)), math.sqrt(ratio / (1 + ratio))

    def reflections(self, direction_deg: float) -> Reflections:
        """What is reflected of a sound that stands in that direction."""
        angle = math.radians(direction_deg)
        source = self.source_m * np.array([math.sin(angle), math.cos(angle), 0.0])
        places, paths, gains = self._walls(source) if self.walls_m else self._open(source)
        delays = (paths - self.source_m) / SOUND_M_PER_S
        gains = gains * np.clip(1.0 - (delays / LONGEST_S) ** 2, 0.0, None)
        gains = gains / math.sqrt(float((gains**2).sum()))
        return Reflections(delays, gains, np.degrees(np.arctan2(places[:, 0], places[:, 1])))

    def _walls(self, source: Array) -> tuple[Array, Array, Array]:
        """Image sources (n, 3), their distances and amplitudes."""
        low, high = np.array(self.walls_m).T
        length = high - low
        even = source + _ORDERS * length
        odd = 2 * low - source + (_ORDERS + 1) * length
        places = np.where(_ORDERS % 2 == 0, even, odd)
        paths = np.sqrt((places**2).sum(axis=1))
        return places, paths, self.wall ** np.abs(_ORDERS).sum(axis=1) / paths

    def _open(self, source: Array) -> tuple[Array, Array, Array]:
        """The ground's image, and what the trees throw back."""
        trees = np.array(self.trees_m)
        there = np.sqrt(((trees - source) ** 2).sum(axis=1))
        back = np.sqrt((trees**2).sum(axis=1))
        ground = source + np.array([0.0, 0.0, -2 * _EAR_M])
        paths = np.append(there + back, math.hypot(*ground))
        # A trunk scatters: what comes back falls with both ways. The ground is a (soft) mirror.
        gains = np.append(_TRUNK_M / (there * back), 0.4 / paths[-1])
        return np.vstack([trees, ground]), paths, gains


_EAR_M = 1.6
_TRUNK_M = 2.0  # how far from a trunk its echo is as loud as what hits it
_GOLDEN_DEG = 137.508  # never twice in one direction
# Trees at 7 to 15 m, beyond what sounds, thrown by a golden angle: no two stand in line.
_TREES = tuple(
    (
        (7.0 + 8.0 * k / 13) * math.sin(math.radians(k * _GOLDEN_DEG)),
        (7.0 + 8.0 * k / 13) * math.cos(math.radians(k * _GOLDEN_DEG)),
        0.0,
    )
    for k in range(14)
)

ROOMS: Mapping[RoomName, Room] = {
    "small": Room(1.4, (-9.0, 5.0), ((-2.3, 1.9), (-2.1, 3.1), (-1.5, 1.2))),
    "large": Room(6.0, (-12.0, 8.0), ((-8.3, 9.9), (-7.7, 19.1), (-1.6, 7.3)), wall=0.85),
    "outdoors": Room(4.0, (-18.0, -5.0), trees_m=_TREES),
}
"""By name; `none` has no reflections. No wall is as far as another: equal delays would ring."""
