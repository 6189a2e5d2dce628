"""A recording of one's own, going round and round: each turn fades into the next.

Two stretches of one recording have nothing to do with each other, so the fade keeps their power
rather than their sum; what they do have in common is measured, and the level stays flat. Turn and
place within it follow from the absolute sample alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ambientgen.crossfade import join
from ambientgen.errors import Problem, UsageError
from ambientgen.scene.layers import Layer
from ambientgen.sources.procedural import period_of
from ambientgen.stream import FloatArray, Stretch

if TYPE_CHECKING:
    from ambientgen.scene.model import Scene

FADE_S = 2.0
FADE_SHARE = 4  # no fade is longer than this part of the file
# In a loop a fade may be as short as this, so that more of the file is heard in each turn.
LEAST_FADE_S = 0.5
SHORTEST_S, LONGEST_S = 0.5, 30 * 60.0
# Below this no recording is: an all but empty file, whatever follows it.
SILENT = 10 ** (-80 / 20)
_BLOCK_S = 4.0
_PROBES = 8


@dataclass(frozen=True)
class Recording:
    """The file of a layer, as long as wanted: mono or stereo, at `rate`. See `Stream`.

    The file is decoded once, when it is first asked for, and held: 30 minutes of stereo at 48 kHz
    are 0.7 GB. Raises UsageError where it cannot be used, as `check_recording` would say.
    """

    layer: Layer
    scene: Scene
    rate: int

    @cached_property
    def channels(self) -> int:
        """The file's: 1 or 2."""
        import soundfile

        return int(soundfile.info(str(path_of(self.layer))).channels)

    @property
    def period(self) -> int | None:
        """Of a loop, its length in samples; None: it never repeats."""
        return period_of(self.scene, self.rate)

    def reach(self, stretch: Stretch) -> Stretch:
        """The very stretch: it comes from nothing else."""
        return stretch

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """The samples of a stretch, float32 (n, channels)."""
        first, end = stretch
        size = int(_BLOCK_S * self.rate)
        while end is None or first < end:
            stop = first + size if end is None else min(first + size, end)
            yield self._stretch(first, stop)
            first = stop

    @cached_property
    def _file(self) -> FloatArray:
        return decoded(self.layer, self.rate)

    @cached_property
    def _turns(self) -> tuple[int, int]:
        """How many turns make a loop (0: it is none), and the samples of a fade."""
        length = len(self._file)
        most = min(int(FADE_S * self.rate), length // FADE_SHARE)
        if self.period is None:
            return 0, most
        least = min(int(LEAST_FADE_S * self.rate), most)
        turns = -(-self.period // (length - least))
        return turns, min(most, length - -(-self.period // turns))

    def _turn(self, sample: int) -> tuple[int, int, int]:
        """First sample of the turn that holds `sample`, of the next one, and the length of the
        turn before."""
        turns, fade = self._turns
        period = self.period
        if period is None:
            length = len(self._file) - fade
            start = sample // length * length
            return start, start + length, length if start > 0 else 0
        whole, place = divmod(sample, period)
        starts = [-(-k * period // turns) for k in range(turns + 1)]
        at = int(np.searchsorted(starts, place, side="right")) - 1
        before = starts[at] - starts[at - 1] if at else period - starts[turns - 1]
        return whole * period + starts[at], whole * period + starts[at + 1], before

    def _stretch(self, first: int, end: int) -> FloatArray:
        out = np.zeros((end - first, self.channels), np.float32)
        at = first if self.period is not None else max(first, 0)
        while at < end:
            start, stop, before = self._turn(at)
            heard = self._heard(at - start, min(stop, end) - start, before)
            out[at - first : at - first + len(heard)] = heard
            at += len(heard)
        return out

    def _heard(self, first: int, end: int, before: int) -> FloatArray:
        """Samples of one turn, as the turn before, of length `before` (0: none), fades into it."""
        fade = self._turns[1]
        if before and first < fade:
            return self._seam(before)[first : min(end, fade)]
        return self._file[first:end]

    def _seam(self, before: int) -> FloatArray:
        if before not in self._seams:
            fade = self._turns[1]
            left, right = self._file[before : before + fade], self._file[:fade]
            self._seams[before] = join(left.T, right.T).T
        return self._seams[before]

    @cached_property
    def _seams(self) -> dict[int, FloatArray]:
        return {}


def path_of(layer: Layer) -> Path:
    """Where a layer's file is."""
    return Path(layer.base) / Path(layer.file or "").expanduser()


def check_recording(layer: Layer) -> Problem | None:
    """What is wrong with a layer's file, found by its header and a few probes; None: nothing.

    A file that is silent at every probe is read to its end, block by block.
    """
    import soundfile

    path = path_of(layer)
    if not path.exists():
        return _problem(path, "there is no such file", "write a path from the scene's folder")
    if path.is_dir():
        return _problem(path, "it is a folder", "name a sound file")
    try:
        with soundfile.SoundFile(str(path)) as file:
            return _of_header(path, file) or _of_samples(path, file)
    except (OSError, RuntimeError) as error:
        what = f"it cannot be read as sound ({_reason(error)})"
        return _problem(path, what, "use a whole WAV, FLAC, Ogg or MP3 file")


def decoded(layer: Layer, rate: int) -> FloatArray:
    """A layer's whole file at `rate`, without its constant offset: float32 (n, channels).

    Raises UsageError where it cannot be read or holds nothing to hear.
    """
    import soundfile
    import soxr

    path = path_of(layer)
    try:
        samples, own_rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        what = f"it cannot be read as sound ({_reason(error)})"
        raise UsageError(_problem(path, what, "use a whole WAV, FLAC, Ogg or MP3 file")) from error
    if not np.isfinite(samples).all():
        raise UsageError(_not_finite(path))
    if len(samples) < SHORTEST_S * own_rate:
        raise UsageError(_too_short(path, len(samples) / own_rate))
    samples -= samples.mean(axis=0, dtype=np.float64).astype(np.float32)
    if own_rate != rate:
        samples = soxr.resample(samples, own_rate, rate, quality="VHQ")
    return np.ascontiguousarray(samples, np.float32)


def _of_header(path: Path, file: Any) -> Problem | None:
    frames, rate = int(file.frames), int(file.samplerate)
    channels = int(file.channels)
    if channels > 2:
        return _problem(path, f"it has {channels} channels", "use a mono or a stereo file")
    if frames == 0:
        return _problem(path, "it holds no sound", "use a file of at least half a second")
    if frames < SHORTEST_S * rate:
        return _too_short(path, frames / rate)
    if frames > LONGEST_S * rate:
        minutes = frames / rate / 60
        what = f"it lasts {minutes:.0f} minutes, and is held in memory"
        return _problem(path, what, f"cut it to at most {LONGEST_S / 60:.0f} minutes")
    return None


def _of_samples(path: Path, file: Any) -> Problem | None:
    """Whether some of it sounds, and is numbers."""
    frames, rate = int(file.frames), int(file.samplerate)
    places = [frames * k // _PROBES for k in range(_PROBES)]
    silent = True
    for starts in (places, range(0, frames, rate)):
        for start in starts:
            file.seek(start)
            block = file.read(rate, dtype="float32", always_2d=True)
            if not np.isfinite(block).all():
                return _not_finite(path)
            offset = block.mean(axis=0) if len(block) else 0.0
            silent = silent and bool(np.abs(block - offset).max(initial=0.0) < SILENT)
        if not silent:
            return None
    return _problem(path, "it is silent from end to end", "use a file that sounds")


def _too_short(path: Path, seconds: float) -> Problem:
    remedy = f"use a file of at least {SHORTEST_S:g} s"
    return _problem(path, f"it lasts only {seconds:.2f} s", remedy)


def _not_finite(path: Path) -> Problem:
    return _problem(path, "it holds numbers that are not finite", "export it again")


def _problem(path: Path, what: str, remedy: str) -> Problem:
    return Problem(str(path), what, remedy)


def _reason(error: Exception) -> str:
    """The library's own words, without the path it repeats."""
    return str(error).rsplit(": ", 1)[-1].rstrip(".") or type(error).__name__
