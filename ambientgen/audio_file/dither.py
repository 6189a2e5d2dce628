"""Dither: noise that turns the error of rounding from distortion into a steady, faint hiss.

Two uniform numbers added make the triangular kind (TPDF), two steps wide: the error's mean and
power then hang on the signal no more (Lipshitz, Wannamaker & Vanderkooy, "Quantization and dither:
a theoretical survey", J. Audio Eng. Soc. 40, 1992).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WORDS = 4  # 64-bit words that Philox 4x64 yields for one value of its counter
_COUNTERS = 2**256


@dataclass(frozen=True)
class Dither:
    """Triangular noise keyed by (seed, channel, absolute sample), so that a stretch has the bits
    that the whole has there. period: after so many samples it comes again, as a loop does.

    The bits come from Philox 4x64-10, whose raw output numpy promises never to change; one 64-bit
    word, cut in halves, makes a sample's number. Integers alone are added, so that it is the same
    on every machine.
    """

    seed: int
    channels: int
    period: int | None = None

    def at(self, first: int, count: int) -> NDArray[np.float64]:
        """Samples `first … first + count − 1`: (count, channels), above −1 and below 1, in steps of
        the integers that are rounded to."""
        noise = np.empty((count, self.channels))
        done = 0
        while done < count:
            place, part = first + done, count - done
            if self.period is not None:
                place %= self.period
                part = min(part, self.period - place)
            for channel in range(self.channels):
                noise[done : done + part, channel] = self._line(channel, place, part)
            done += part
        return noise

    def _line(self, channel: int, first: int, count: int) -> NDArray[np.float64]:
        """`count` numbers of a channel's endless line."""
        counter = first // _WORDS
        skipped = first - counter * _WORDS
        bits = np.random.Philox(key=self._key(channel), counter=counter % _COUNTERS)
        words = bits.random_raw(skipped + count)[skipped:]
        sums = (words >> np.uint64(32)).astype(np.int64) + (words & np.uint64(2**32 - 1)).astype(
            np.int64
        )
        line: NDArray[np.float64] = (sums - (2**32 - 1)) * 2.0**-32
        return line

    def _key(self, channel: int) -> int:
        name = f"{self.seed}\0{channel}".encode()
        digest = hashlib.blake2b(name, digest_size=16, person=b"ambientgen dith").digest()
        return int.from_bytes(digest, "little")
