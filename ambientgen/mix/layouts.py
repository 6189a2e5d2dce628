"""Layouts of channels: where each loudspeaker stands, and how a direction is shared out among them.

Directions are in degrees as a scene writes them: 0 ahead, 90 right, -90 left, ±180 behind.

Gains are normalised so that a sound is as loud in every layout and from everywhere: the squares
of its channels' gains add up to `Layout.power`. That is 2 with loudspeakers, since an unplaced
sound is in both channels of a stereo file as it is; in ambisonics the pressure W alone is as loud
as the sound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ambientgen.scene.scene import LayoutName

Gains = tuple[float, ...]
"""One for each channel."""


@dataclass(frozen=True)
class Layout:
    """An arrangement of channels.

    Attributes:
        name: as a scene says it.
        channels: their names, in the file's order.
        feeds: how many sounds, unlike each other, a wide layer is rendered as.
        bed: of each feed of a wide layer that stands nowhere: the gains of the channels.
        gains: of a direction in degrees: the gains of the channels.
        power: the sum of the squares of a direction's gains ...
        counted: ... of so many channels, from the first on.
        ears: left and right channel are heard by one ear each, which delays tell apart.
    """

    name: LayoutName
    channels: tuple[str, ...]
    feeds: int
    bed: tuple[Gains, ...]
    gains: Callable[[float], Gains]
    power: float
    counted: int
    ears: bool = False


def lateral(direction_deg: float) -> float:
    """How far to the side a direction is: -1 left, 1 right; what lies behind as what lies ahead."""
    return math.sin(math.radians(direction_deg))


def panned(side: float) -> Gains:
    """Left and right for -1 (left) to 1 (right): constant power, both 1 in the middle."""
    angle = 0.25 * math.pi * (1.0 + side)
    root = math.sqrt(2.0)
    # Neither sine nor cosine of a quarter turn is exactly the middle's 1 / √2.
    return (1.0, 1.0) if side == 0.0 else (root * math.cos(angle), root * math.sin(angle))


def _stereo(direction_deg: float) -> Gains:
    return panned(lateral(direction_deg))


def _mono(direction_deg: float) -> Gains:
    return (1.0,)


def encoded(direction_deg: float) -> Gains:
    """A plane wave in first-order ambisonics: W Y Z X (ACN), SN3D; Y points left, X ahead.

    Nachbar, Zotter, Deleflie, Sontacchi: "AmbiX", Ambisonics Symposium 2011.
    """
    angle = math.radians(direction_deg)
    return (1.0, -math.sin(angle), 0.0, math.cos(angle))


@dataclass(frozen=True)
class Ring:
    """Loudspeakers around the listener: pairs of neighbours share a sound, with constant power.

    Pulkki: "Virtual sound source positioning using vector base amplitude panning", 1997, but for
    the law, which is even in angle here.

    azimuths: of each channel, degrees; None for one that has no place, and stays silent (LFE).
    """

    azimuths: tuple[float | None, ...]

    def __call__(self, direction_deg: float) -> Gains:
        placed = sorted((a % 360.0, i) for i, a in enumerate(self.azimuths) if a is not None)
        at = direction_deg % 360.0
        after = next((k for k, (azimuth, _) in enumerate(placed) if azimuth > at), 0)
        (left, first), (right, second) = placed[after - 1], placed[after]
        share = ((at - left) % 360.0) / ((right - left) % 360.0)
        gains = [0.0] * len(self.azimuths)
        gains[first] = math.sqrt(2.0) * math.cos(0.5 * math.pi * share)
        gains[second] = math.sqrt(2.0) * math.sin(0.5 * math.pi * share)
        return tuple(gains)


_HALF = math.sqrt(0.5)  # four channels of half the power each are as loud as two
_QUAD = Ring((-45.0, 45.0, -135.0, 135.0))
_SURROUND = Ring((-30.0, 30.0, 0.0, None, -110.0, 110.0))  # ITU-R BS.775
_QUAD_BED = tuple(tuple(_HALF * (i == k) for i in range(4)) for k in range(4))
# A bed leaves the centre to what has a place.
_SURROUND_BED = tuple(tuple(_HALF * (i == k) for i in range(6)) for k in (0, 1, 4, 5))
_AMBISONICS_BED = tuple(encoded(azimuth) for azimuth in (-45.0, 45.0, -135.0, 135.0))

LAYOUTS: Mapping[LayoutName, Layout] = {
    layout.name: layout
    for layout in (
        Layout("mono", ("M",), 1, ((1.0,),), _mono, 1.0, 1),
        Layout("stereo", ("L", "R"), 2, ((1.0, 0.0), (0.0, 1.0)), _stereo, 2.0, 2, ears=True),
        Layout("quad", ("FL", "FR", "BL", "BR"), 4, _QUAD_BED, _QUAD, 2.0, 4),
        Layout("5.1", ("FL", "FR", "FC", "LFE", "BL", "BR"), 4, _SURROUND_BED, _SURROUND, 2.0, 6),
        Layout("ambisonics", ("W", "Y", "Z", "X"), 4, _AMBISONICS_BED, encoded, 1.0, 1),
    )
}
"""By name. 5.1 is in WAV's order, ambisonics in that of ACN."""
