"""Chunks of an absolute grid: the pieces in which streams work that look around a sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ambientgen.stream import FloatArray, Recut, Stream, Stretch

Chunk = tuple[int, int]
"""The first sample, and the one after the last."""


@dataclass(frozen=True)
class Chunks:
    """Chunks of `length` samples from 0 to both sides; in loops they begin anew with every turn.

    context: samples that are wanted beyond both ends of each. The last chunk of a turn takes in
    what is left of it. whole: a stretch takes all of its last chunk; else, for what hears nothing
    later than `context` behind a sample, no more of it than lies in the stretch.
    """

    length: int
    context: int
    period: int | None
    whole: bool = True

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
        if end is None:
            return begin, None
        return begin, self._stop(self.of(max(first, end - 1))[1], end) + self.context

    def _stop(self, stop: int, end: int | None) -> int:
        """Where a chunk that goes to `stop` ends in a stretch that goes to `end`."""
        return stop if self.whole or end is None else min(stop, end)

    def pieces(self, stream: Stream, stretch: Stretch) -> Iterator[tuple[Chunk, FloatArray]]:
        """Each chunk of a stretch, and a stream's samples of it with context."""
        around = self.around(stretch)
        cut = Recut(around[0], stream.blocks(around))
        chunks = [
            ((a, self._stop(b, stretch[1])) for a, b in self._over(stretch)) for _ in range(2)
        ]
        wanted = ((a - self.context, b + self.context) for a, b in chunks[0])
        yield from zip(chunks[1], cut.pieces(wanted), strict=False)

    def _over(self, stretch: Stretch) -> Iterator[Chunk]:
        sample, end = stretch
        while end is None or sample < end:
            chunk = self.of(sample)
            yield chunk
            sample = chunk[1]
