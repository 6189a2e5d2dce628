"""A sound file's spectrogram as wide as a picture: streamed, however long the sound is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise, repeat
from os import PathLike

import numpy as np
import soundfile
from numpy.typing import NDArray

from ambientgen.audio_file.opened import opened
from ambientgen.ear.source import Sound, finite, open_sound, unreadable
from ambientgen.errors import UsageError
from ambientgen.stream import Recut

FloatArray = NDArray[np.float64]

COLUMNS, ROWS = 1_200, 160
RANGE_DB = 70.0
"""At most, below the loudest: what a quiet room lets one hear of a loud sound."""

LEAST_DB = 30.0
"""Less would make stripes of what nobody hears."""

_FRAME_S = 0.046  # a spectrum's length: as short as an ear notices, as long as a low tone needs
_MOST_FRAMES = 12  # looks into a column; a column of an hour's sound is 3 s long
_LOWEST_HZ = 40.0
_BLOCK = 65_536  # samples of a channel, read at once
_FLOOR_DB = -140.0  # of a bin whose 0 is a sine of full scale: 16 bits' own noise is above it


@dataclass(frozen=True)
class Spectrogram:
    """`levels_db` (rows, columns), the lowest band first, 0 is the loudest; edges in Hz and s.

    edges_hz (rows + 1,): bands even in the logarithm of 1 + f / 700 Hz, as ears hear pitch.
    """

    levels_db: FloatArray
    edges_hz: FloatArray
    start_s: float
    end_s: float

    @property
    def floor_db(self) -> float:
        """Where the picture is to begin: a little under what is nearly always there, so that the
        even noise of rain or wind shows its shape."""
        return float(np.clip(np.percentile(self.levels_db, 2) - 6, -RANGE_DB, -LEAST_DB))

    def shades(self) -> NDArray[np.uint8]:
        """Levels as 0 (nothing) to 255 (the loudest), (rows, columns), the highest band first."""
        share = 1 - self.levels_db / self.floor_db
        return np.asarray(np.round(np.clip(share, 0, 1)[::-1] * 255), np.uint8)

    def row_of(self, hz: float) -> float:
        """Where a frequency stands, 0 (lowest) to the number of rows."""
        return float(np.interp(hz, self.edges_hz, np.arange(len(self.edges_hz))))


def spectrogram(
    path: str | PathLike[str],
    start_s: float = 0.0,
    end_s: float | None = None,
    columns: int = COLUMNS,
    rows: int = ROWS,
) -> Spectrogram:
    """The spectrogram of a stretch of a file, all channels together.

    Each column is the mean power of at most 12 spectra, evenly spread over it.

    Raises:
        UsageError: the file cannot be read as sound, or is shorter than 1 s.
    """
    sound = open_sound(path)
    end_s = sound.duration_s if end_s is None else min(end_s, sound.duration_s)
    size = 2 ** round(np.log2(_FRAME_S * sound.rate))
    edges = _edges_hz(sound.rate, rows)
    weights = _weights(sound.rate, size, edges)
    bounds = np.linspace(start_s, end_s, columns + 1) * sound.rate
    step_s = (end_s - start_s) / columns
    looks = int(np.clip(np.ceil(step_s * sound.rate / (size / 2)), 1, _MOST_FRAMES))
    power = np.zeros((rows, columns))
    window = np.hanning(size + 1)[:-1]
    window *= 2 / window.sum()
    looked_at = [
        np.linspace(begin, end, 2 * looks + 1)[1::2].astype(int) - size // 2
        for begin, end in pairwise(bounds)
    ]
    try:
        with opened(sound.path) as file:
            heard = _frames(file, sound, [int(first) for each in looked_at for first in each], size)
            for column in range(columns):
                frames = np.stack(list(islice(heard, looks)))
                spectra = np.abs(np.fft.rfft(frames * window[:, None], axis=1)) ** 2
                power[:, column] = weights @ spectra.mean(axis=(0, 2))
    except (OSError, soundfile.LibsndfileError) as error:
        raise UsageError(unreadable(sound.path, error)) from None
    levels = 10 * np.log10(power + 10 ** (_FLOOR_DB / 10))
    loudest = max(float(levels.max()), _FLOOR_DB + RANGE_DB)  # nothing is made of silence
    return Spectrogram(levels - loudest, edges, start_s, end_s)


def _frames(
    file: soundfile.SoundFile, sound: Sound, starts: Sequence[int], size: int
) -> Iterator[FloatArray]:
    """Samples (size, channels) from each of `starts` on, which never go back; silence outside, and
    for what is none, as NaN.

    An MP3 is read from its beginning: what its decoder gives after a seek is not what is there, as
    frames lean on those before them.
    """
    if file.format == "MP3":
        silence = np.zeros((size, sound.channels), np.float32)
        read = file.blocks(_BLOCK, dtype="float32", always_2d=True)
        blocks = Recut(-size, chain([silence], read, repeat(silence)))
        for piece in blocks.pieces((first, first + size) for first in starts):
            yield finite(piece.astype(np.float64))
        return
    for first in starts:
        yield _frame(file, sound, first, size)


def _frame(file: soundfile.SoundFile, sound: Sound, first: int, size: int) -> FloatArray:
    """Samples (size, channels) from `first` on; silence outside, and for what is none, as NaN."""
    block = np.zeros((size, sound.channels))
    begin, end = max(first, 0), min(first + size, sound.frames)
    if begin < end:
        file.seek(begin)
        read = file.read(end - begin, dtype="float64", always_2d=True)
        block[begin - first : begin - first + len(read)] = finite(read)
    return block


def _edges_hz(rate: int, rows: int) -> FloatArray:
    low, high = np.log1p(np.array([_LOWEST_HZ, rate / 2]) / 700.0)
    return np.asarray(700.0 * np.expm1(np.linspace(low, high, rows + 1)))


def _weights(rate: int, size: int, edges: FloatArray) -> FloatArray:
    """Which share of a spectrum's bins belongs to each row, (rows, bins); rows sum to 1.

    A row narrower than a bin takes from its neighbours what a straight line between them gives.
    """
    hz = np.fft.rfftfreq(size, 1 / rate)
    bin_hz = hz[1]
    weights = np.zeros((len(edges) - 1, len(hz)))
    for row, (low, high) in enumerate(pairwise(edges)):
        inside = np.clip(
            np.minimum(hz + bin_hz / 2, high) - np.maximum(hz - bin_hz / 2, low), 0, None
        )
        if high - low < 2 * bin_hz:
            inside = np.clip(1 - np.abs(hz - (low + high) / 2) / bin_hz, 0, None)
        weights[row] = inside / inside.sum()
    return np.asarray(weights)
