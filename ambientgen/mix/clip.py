"""A short sound at another rate, with air: what `ToRate` does to a stream, done to a whole clip."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ambientgen.mix.air import Air, Floats, Place
from ambientgen.mix.rate import QUALITY
from ambientgen.stream import FloatArray

_PADDED_S = 0.5
"""Clips get air in lengths of whole half seconds, so that its filters serve many of them.
It is a whole number of samples at all our rates."""


@dataclass(frozen=True)
class ClipToRate:
    """Brings clips from one rate to another, both in Hz; `air` adds what lies above their band.

    The clip is silent before its first sample and behind its last, and its air ends with it.
    """

    own_rate: int
    rate: int
    air: Air | None = None

    def __call__(self, clip: FloatArray, name: str) -> FloatArray:
        """A clip (n,) as float32 (m,). Clips of one name get the same noise as their air."""
        import soxr

        if self.own_rate == self.rate:
            return clip
        sound = clip.astype(np.float64)
        made = np.asarray(soxr.resample(sound, self.own_rate, self.rate, QUALITY))
        if self.air is not None:
            own = replace(self.air, name=f"{self.air.name}, {name}")
            made += self._above(sound, own)[: len(made)]
        return made.astype(np.float32)

    def _above(self, sound: Floats, air: Air) -> Floats:
        step = round(_PADDED_S * self.own_rate)
        length = -(-max(1, len(sound)) // step) * step
        context = math.ceil(air.context_s * self.own_rate)
        piece = np.pad(sound, (context, length - len(sound) + context))
        place = Place(0, length, context, self.own_rate, self.rate, None)
        return air.above(piece[:, None].astype(np.float32), place)[:, 0]
