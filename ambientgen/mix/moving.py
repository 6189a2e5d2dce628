"""A filter that changes over time, as a function of absolute time.

The sound is cut into frames that fade into one another, each under a raised cosine over two steps
of the grid, and each frame is convolved whole with the filter of its own moment. So the filter
glides, its memory is finite, and what a sample is depends on its place alone: frames lie on a grid
counted from sample 0, every frame is convolved by itself in one fixed shape, and frames are summed
in order of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from ambientgen.crossfade import ramp
from ambientgen.mix.moments import Moments
from ambientgen.stream import FloatArray, Recut, Stretch

Spectra = NDArray[np.complex128]
"""(channels, bins)."""

_BLOCK = 8192  # samples that are handed on at once, or a little more


@dataclass(frozen=True)
class Moving:
    """Convolution by a filter of `taps` taps, of which the first `lead` reach into the future."""

    moments: Moments
    lead: int
    taps: int

    @property
    def size(self) -> int:
        """Samples of a Fourier transform that holds a frame and all that it becomes."""
        return int(next_fast_len(2 * self.moments.step + self.taps, real=True))

    def need(self, stretch: Stretch) -> Stretch:
        """The samples of the source that a stretch is made of: whole frames."""
        first, last = self._frames(stretch)
        at = self.moments.at
        return at(first - 1), None if last is None else at(last + 1)

    def blocks(
        self,
        source: Iterator[FloatArray],
        filtered: Callable[[int, Spectra], Spectra],
        stretch: Stretch,
    ) -> Iterator[FloatArray]:
        """The stretch, float32 (n, channels), of the source's samples from `need(stretch)` on.

        `filtered` is given the index of a moment and the spectra of the source's channels there,
        and gives those of the channels that they become.
        """
        (begin, end), (first, last) = stretch, self._frames(stretch)
        at, lead = self.moments.at, self.lead
        indices = range(first, last + 1) if last is not None else count(first)
        frames = Recut(at(first - 1), source).pieces((at(i - 1), at(i + 1)) for i in indices)
        sums: NDArray[np.float64] | None = None
        sums_at = at(first - 1) - lead
        for index, frame in zip(
            indices if last is not None else count(first), frames, strict=False
        ):
            start, moment = at(index - 1), at(index)
            wave = self._convolved(frame, moment - start, index, filtered)
            if sums is None:
                sums = np.zeros((_BLOCK + 2 * self.size, wave.shape[1]))
            place = start - lead - sums_at
            sums[place : place + len(wave)] += wave
            ready = moment - lead - sums_at  # later frames begin there
            final = last is not None and index == last
            if ready >= _BLOCK or final:
                ready = end - sums_at if final and end is not None else ready
                out = sums[max(begin - sums_at, 0) : ready].astype(np.float32)
                if len(out):
                    yield out
                sums = np.concatenate([sums[ready:], np.zeros((ready, sums.shape[1]))])
                sums_at += ready

    def _frames(self, stretch: Stretch) -> tuple[int, int | None]:
        """First and last frame that is heard in a stretch."""
        begin, end = stretch
        first = self.moments.before(begin + self.lead + 1 - self.taps)
        return first, None if end is None else self.moments.before(end - 1 + self.lead) + 1

    def _convolved(
        self,
        frame: FloatArray,
        rise: int,
        index: int,
        filtered: Callable[[int, Spectra], Spectra],
    ) -> NDArray[np.float64]:
        """What becomes of one frame, (frame + taps - 1, channels)."""
        fade = _fade(rise, len(frame) - rise)
        made = irfft(filtered(index, rfft(frame.T * fade, self.size)), self.size)
        return np.asarray(made[:, : len(frame) + self.taps - 1].T, np.float64)


@lru_cache(maxsize=8)
def _fade(rise: int, fall: int) -> NDArray[np.float64]:
    """What a frame is faded by, (rise + fall,): its neighbours' fades add up with it to 1."""
    return np.concatenate([ramp(rise), 1.0 - ramp(fall)])
