"""The sum of stems: what is heard together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from ambientgen.stream import Derived, FloatArray, Recut, Stream, Stretch

_PIECE_SAMPLES = 16_384
"""Stems come in blocks of their own; they are added so many samples at a time."""


@dataclass(frozen=True)
class Mixed:
    """Stems, by name, as one stream. A single stem is the mix, bit for bit.

    Raises ValueError where there are none, or they differ in rate, channels or period.
    """

    stems: Mapping[str, Stream]

    def __post_init__(self) -> None:
        shapes = {(stem.rate, stem.channels, stem.period) for stem in self.stems.values()}
        if len(shapes) != 1:
            raise ValueError(f"stems of {len(shapes)} shapes cannot be mixed: {sorted(shapes)}")

    @property
    def rate(self) -> int:
        """Hz."""
        return next(iter(self.stems.values())).rate

    @property
    def channels(self) -> int:
        """How many each stem has, and the sum."""
        return next(iter(self.stems.values())).channels

    @property
    def period(self) -> int | None:
        """The stems' own."""
        return next(iter(self.stems.values())).period

    def reach(self, stretch: Stretch) -> Stretch:
        """The stretch: of each stem just that is added."""
        return stretch

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """The sum of the stems over a stretch, float32 (n, channels)."""
        return map(added, self.parts(stretch))

    def parts(self, stretch: Stretch) -> Iterator[tuple[FloatArray, ...]]:
        """A block of each stem, in their order and all of one length, to the stretch's end."""
        streams = [stem.blocks(stretch) for stem in self.stems.values()]
        if len(streams) == 1:
            yield from ((block,) for block in streams[0])
            return
        cuts = [Recut(stretch[0], stream).pieces(_pieces(stretch)) for stream in streams]
        yield from zip(*cuts, strict=True)


@dataclass(frozen=True)
class Louder(Derived):
    """A stream by one fixed gain."""

    gain_db: float

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """The stream's blocks, louder."""
        gain = np.float32(10.0 ** (self.gain_db / 20.0))
        return (block * gain for block in self.stream.blocks(stretch))


def added(parts: Sequence[FloatArray]) -> FloatArray:
    """The sum of blocks of one shape, float32: in their order, rounded once."""
    if len(parts) == 1:
        return parts[0]
    total: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    total = reduce(np.add, parts[1:], parts[0].astype(np.float64))
    return total.astype(np.float32)


def _pieces(stretch: Stretch) -> Iterator[tuple[int, int]]:
    first, end = stretch
    while end is None or first < end:
        stop = first + _PIECE_SAMPLES if end is None else min(first + _PIECE_SAMPLES, end)
        yield first, stop
        first = stop
