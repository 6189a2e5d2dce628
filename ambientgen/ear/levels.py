"""How loud each channel of a file is, in every 5 ms."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ambientgen.ear.source import Array
from ambientgen.ear.trace import FINE_S, FLOOR_DB, Floats


class ChannelLevels:
    """Hears the blocks of a file of several channels, then tells the levels of each."""

    def __init__(self, rate: int) -> None:
        self._slot = rate * Fraction(str(FINE_S))  # samples of 5 ms, not always whole
        self._held = np.zeros((0, 0))
        self._done = 0  # slots
        self._levels: list[Floats] = []

    def hear(self, block: Array) -> None:
        """Take the next (frames, channels), finite. Of one channel nothing is kept."""
        if block.shape[1] < 2:
            return
        held = np.concatenate([self._held, block]) if len(self._held) else block
        begin = int(self._done * self._slot)
        last = int((begin + len(held)) / self._slot)
        edges = np.array([int(i * self._slot) - begin for i in range(self._done, last + 1)])
        if len(edges) > 1:
            powers = np.add.reduceat(held[: edges[-1]] ** 2, edges[:-1], axis=0)
            powers /= np.diff(edges)[:, None]
            levels = 10 * np.log10(powers + 10 ** (FLOOR_DB / 10))
            self._levels.append(levels.astype(np.float32))
            self._done = last
            held = held[edges[-1] :]
        self._held = held.copy()

    @property
    def levels_db(self) -> Floats | None:
        """dB of full scale, (slots, channels); None of one channel."""
        return np.concatenate(self._levels) if self._levels else None
