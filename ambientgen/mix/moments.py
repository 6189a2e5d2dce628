"""Moments on an absolute grid, at which what changes over time is asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Moments:
    """Every `step` samples, or a little less in a loop.

    A loop of `period` samples has the same moments in each turn.
    """

    step: int
    period: int | None = None

    def at(self, index: int) -> int:
        """The sample of a moment; moment 0 is at 0."""
        if self.period is None:
            return index * self.step
        turn, place = divmod(index, self._count)
        return turn * self.period + place * self.period // self._count

    def before(self, sample: int) -> int:
        """The last moment that is not after a sample."""
        if self.period is None:
            return sample // self.step
        turn, place = divmod(sample, self.period)
        index = place * self._count // self.period
        if (index + 1) * self.period // self._count <= place:
            index += 1
        return turn * self._count + index

    def seconds(self, sample: int, rate: int) -> float:
        """The time of a sample at `rate` Hz, in a loop that of its first turn; none before 0."""
        return max(sample if self.period is None else sample % self.period, 0) / rate

    @property
    def _count(self) -> int:
        """Moments in a turn."""
        assert self.period is not None
        return -(-self.period // self.step)
