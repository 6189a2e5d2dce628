"""What a stretch of sound takes: how far each stage must reach, on which grid, and how loops wrap.

All counts are absolute: from the scene's start, on and on. In a loop they go on past its end, and
below its start; what they mean repeats with the loop's period.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ambientgen.resample import source
from ambientgen.units import ChunkRule, Geometry, Loop

VOCODER_CONTEXT = 32
"""Mel frames at each side that a sample can depend on. HiFi-GAN's kernels reach 22. Of the texture
vocoder seven convolutions of kernel 7 reach 21 frames; its 512-sample frames at hop 80 reach 4
more, and the 1024-sample frames that hear the draft and lead it 6.4: less than 32 in all. A
multiple of `units.TONE_FRAMES`."""

Piece = tuple[int, int]
"""First frame, and the one after the last."""


@dataclass(frozen=True)
class Grid:
    """Pieces of `core` frames, counted from frame 0.

    In a loop of `period` frames each turn has the same pieces, counted from the turn's start; its
    last one takes in what is left.
    """

    core: int
    period: int | None = None

    def pieces(self, first: int, end: int | None = None) -> Iterator[Piece]:
        """Every piece that touches frames `first` to `end` (not included; None: for ever).

        Without a period, none begins before 0.
        """
        start = self._start(first)
        while end is None or start < end:
            stop = self._after(start)
            yield start, stop
            start = stop

    def _start(self, frame: int) -> int:
        """Where the piece that holds `frame` begins."""
        if self.period is None:
            return max(frame, 0) // self.core * self.core
        turn, place = divmod(frame, self.period)
        last = max(self.period // self.core - 1, 0)
        return turn * self.period + min(place // self.core, last) * self.core

    def _after(self, start: int) -> int:
        """Where the piece that begins at `start` ends."""
        if self.period is None:
            return start + self.core
        place = start % self.period
        rest = self.period - place
        return start + (rest if rest < 2 * self.core else self.core)


@dataclass(frozen=True)
class Reach:
    """What samples `first` to `end` (not included; None: for ever) of the vocoder's sound take.

    `mel_hop`, `stride` and `chunk` are the model's; `period` is the loop's, in mel frames.
    """

    first: int
    end: int | None
    mel_hop: int
    stride: int
    chunk: ChunkRule
    period: int | None = None

    @property
    def grid(self) -> Grid:
        """The grid of VAE chunks and vocoder pieces, in mel frames."""
        return Grid(self.chunk.core, self.period)

    @property
    def mel(self) -> tuple[int, int | None]:
        """The mel frames that the vocoder must know."""
        first = self.first // self.mel_hop - VOCODER_CONTEXT
        end = None if self.end is None else -(-self.end // self.mel_hop) + VOCODER_CONTEXT
        return first if self.period is not None else max(first, 0), end

    def pieces(self) -> Iterator[Piece]:
        """The vocoder's pieces, without context, in mel frames."""
        end = None if self.end is None else -(-self.end // self.mel_hop)
        return self.grid.pieces(self.first // self.mel_hop, end)

    def chunks(self) -> Iterator[Piece]:
        """The VAE's chunks, without context and fades, in mel frames."""
        first, end = self.mel
        # A chunk fades over the next one's start.
        return self.grid.pieces(first - self.chunk.fade + 1, end)

    @property
    def latents(self) -> tuple[int, int | None]:
        """The latent frames that these chunks are decoded from."""
        return self.latents_within(0)

    def latents_within(self, frames: int) -> tuple[int, int | None]:
        """The same, and so many latent frames around them."""
        first = (next(self.chunks())[0] - self.chunk.context) // self.stride - frames
        if self.period is None:
            first = max(first, 0)
        mel_end = self.mel[1]
        if mel_end is None:
            return first, None
        *_, (_, last) = self.grid.pieces(mel_end - 1, mel_end)
        return first, (last + self.chunk.fade + self.chunk.context) // self.stride + frames


def reach_of(
    samples: tuple[int, int | None], geometry: Geometry, loop: Loop | None = None
) -> Reach:
    """What these samples of a scene's sound take of the model's."""
    first, end = samples
    hop, stride, chunk = geometry.mel_hop, geometry.latent_stride, geometry.chunk
    if loop is None:
        return Reach(first, end, hop, stride, chunk)
    made_first, made_end = source(loop, first, first + 1 if end is None else end)
    made = made_first, None if end is None else made_end
    return Reach(*made, hop, stride, chunk, loop.mel_frames(geometry))
