"""Chunks of an absolute grid: the pieces in which streams work that look around a sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ambientgen.stream import Cut, FloatArray, Stream, Stretch

Chunk = tuple[int, int]
"""The first sample, and the one after the last."""


@dataclass(frozen=True)
class Chunks:
    """Chunks of `length` samples from 0 to both sides; in loops they begin anew with every turn.

    context: samples that are wanted beyond both ends of each. The last chunk of a turn takes in
    what is left of it.
    """

    length: int
    context: int
    period: int | None

    def of(self, sample: int) -> Chunk:
        """The chunk that a sample is in."""
        if self.period is None:
            number = sample // self.length
            return number * self.length, (number + 1) * self.length
        turn, place = divmod(sample, self.period)
        last = max(0, self.period // self.length - 1)
        number = min(place // self.length, last)
        end = self.period if number == last else (number + 1) * self.length
        return turn * self.period + number * self.length, turn * self.period + end

    def around(self, stretch: Stretch) -> Stretch:
        """What a stretch takes: its chunks, with their context."""
        first, end = stretch
        begin = self.of(first)[0] - self.context
        return begin, None if end is None else self.of(max(first, end - 1))[1] + self.context

    def pieces(self, stream: Stream, stretch: Stretch) -> Iterator[tuple[Chunk, FloatArray]]:
        """Each chunk of a stretch, and a stream's samples of it with context."""
        around = self.around(stretch)
        cut = Cut(around[0], stream.blocks(around))
        wanted = ((a - self.context, b + self.context) for a, b in self._over(stretch))
        yield from zip(self._over(stretch), cut.pieces(wanted), strict=False)

    def _over(self, stretch: Stretch) -> Iterator[Chunk]:
        sample, end = stretch
        while end is None or sample < end:
            chunk = self.of(sample)
            yield chunk
            sample = chunk[1]
