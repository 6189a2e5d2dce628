"""A stream: sound that can be asked for anywhere, in samples of its own rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Stretch = tuple[int, int | None]
"""The first sample, and the one after the last; None: it goes on for ever."""


class Stream(Protocol):
    """Sound as a function of absolute time.

    rate: Hz. channels: how many. period: after so many samples it is the same again, to the bit, as
    in a loop, on both sides of 0; None: it never is, and before sample 0 lies silence.
    """

    @property
    def rate(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def period(self) -> int | None: ...

    def reach(self, stretch: Stretch) -> Stretch:
        """The stretch of the source, in the source's samples, that this one is made of."""
        ...

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """The samples of a stretch, float32 (n, channels), in blocks of any length.

        A sample's bits depend on its place alone, not on the stretch or the blocks.
        """
        ...


def from_start(stretch: Stretch, period: int | None) -> tuple[int, Stretch]:
    """How many samples of a stretch lie before sample 0, in silence, and what of it is left.

    None of a stream with a period, which sounds there too.
    """
    first, end = stretch
    if period is not None or first >= 0:
        return 0, stretch
    silent = -first if end is None else max(0, min(-first, end - first))
    return silent, (first + silent, end)


@dataclass(frozen=True)
class Derived:
    """A stream made from another, `stream`, with the same rate, channels and period."""

    stream: Stream

    @property
    def rate(self) -> int:
        """Hz."""
        return self.stream.rate

    @property
    def channels(self) -> int:
        """How many."""
        return self.stream.channels

    @property
    def period(self) -> int | None:
        """See `Stream`."""
        return self.stream.period

    def reach(self, stretch: Stretch) -> Stretch:
        """See `Stream`."""
        return self.stream.reach(stretch)


@dataclass(frozen=True)
class Recut:
    """Blocks (n, channels) of a stream from sample `first` on, to be cut anew."""

    first: int
    blocks: Iterator[FloatArray]

    def pieces(self, stretches: Iterable[tuple[int, int]]) -> Iterator[FloatArray]:
        """Each of `stretches`, whose starts never go back, none before `first`.

        Holds no more than one of them and one block. Where the stream ends, so do they.
        """
        kept: FloatArray | None = None
        begin = self.first
        for first, end in stretches:
            while kept is None or begin + len(kept) < end:
                block = next(self.blocks, None)
                if block is None:
                    return
                kept = block if kept is None else np.concatenate([kept, block])
                drop = min(max(first - begin, 0), len(kept))
                kept, begin = kept[drop:], begin + drop
            drop = first - begin
            kept, begin = kept[drop:], first
            yield kept[: end - first]
