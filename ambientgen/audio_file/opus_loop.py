"""A loop for Opus: the encoder hears the end of a turn before its start, and the start behind it.

An Opus decoder converges in the first 80 ms (RFC 7845, 4.2) and the encoder's last frame is filled
up with silence: on its own a loop would click where it joins. What comes before is left out by the
header's pre-skip, what comes behind by the last page's position, which every decoder honours.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import numpy as np

from ambientgen.audio_file.encoding import Shape
from ambientgen.audio_file.pcm import Samples

_TICKS = 48000  # a second, whatever the sample rate: Opus counts in them
_BEFORE = 3840  # ticks: 80 ms, RFC 7845's convergence
_FRAME = 960  # ticks: libsndfile's frames are of 20 ms
_PIECE = 4096


class OpusLoop:
    """Keeps a turn in a nameless file beside `path`, as its end is wanted before its start.

    before_ticks, behind_ticks: how much more than the turn `around` gives, in 1/48000 s.
    """

    def __init__(self, path: str, shape: Shape) -> None:
        self._channels = shape.channels
        self._tick = _TICKS // shape.sample_rate  # ticks of one sample
        self._samples = 0
        self._kept = tempfile.TemporaryFile(dir=os.path.dirname(path) or ".")  # noqa: SIM115
        self.before_ticks = _BEFORE
        self.behind_ticks = 0

    def keep(self, pcm: Samples) -> None:
        """The next samples of the turn, float32 (n, channels). May raise OSError."""
        self._kept.write(np.ascontiguousarray(pcm, "<f4").tobytes())
        self._samples += len(pcm)

    def around(self) -> Iterator[Samples]:
        """What is to be encoded, in pieces: from `before_ticks` before the turn on, so far behind
        it that the last frame is full of sound."""
        before = self.before_ticks // self._tick
        look_ahead = _look_ahead(self._tick)
        behind = -(before + self._samples + look_ahead) % (_FRAME // self._tick)
        self.behind_ticks = behind * self._tick
        self._kept.flush()
        place, left = -before, before + self._samples + behind
        while left:
            at = place % self._samples
            count = min(left, self._samples - at, _PIECE)
            frame = self._channels * 4
            self._kept.seek(at * frame)
            read = np.frombuffer(self._kept.read(count * frame), "<f4")
            yield read.reshape(count, self._channels)
            place, left = place + count, left - count

    def close(self) -> None:
        """Let the file go."""
        self._kept.close()


def _look_ahead(tick: int) -> int:
    """The encoder's delay in samples, which libsndfile's end counts in: 6.5 ms."""
    return 312 // tick
