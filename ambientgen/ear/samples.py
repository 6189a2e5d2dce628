"""Faults of the samples themselves, at the file's own rate, a block at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ambientgen.ear.source import SPEAKERS, STEP, Array, broken, finite
from ambientgen.ear.verdicts import Verdict, at_most
from ambientgen.mix.loudness import Loudness
from ambientgen.peaks import TruePeaks

CLIPPED_RUN = 3
"""Equal samples at the top in a row, from which on they are a flattened wave and no accident."""

_TOP = 0.98  # of the file's highest sample: from here on a flat stretch is a clipped one
_CORNER = 4.5
"""A wave that is cut comes to its flat top or leaves it by more steps than this. The round top of a
slow one is flat in whole steps too: of three samples it falls by four at most, of more by less (a
parabola that stays within a step at one sample from its top is 4 steps below at two)."""
_FLATTER = 3.0
"""Or its top is so many times as long as what lies a step below. A round top is 1 / (sqrt(2) - 1),
2.4 times as long, at most; two samples more are allowed for."""
_A_STEP = 2.5  # of steps: where few samples fall into one, the next may lie two below
_FAINTEST = 1e-3  # of full scale: fainter sound has few steps, and its tops are flat
_PLACES = 5  # that are told
CLIPPED_SHARE = 1e-4  # of all samples, above which clipping is a fault: 0.1 ms in each second
DC_SHARE = 0.02  # of full scale: -34 dBFS takes headroom and clicks at every start
TRUE_PEAK_DB = 0.0  # over full scale; see docs/ear.md for the choice
LOUDEST_LUFS, QUIETEST_LUFS = -5.0, -60.0


class SampleFaults:
    """Hears every block of a file, then gives its verdicts."""

    def __init__(self, rate: int, step: float = STEP, speakers: tuple[str, ...] = ()) -> None:
        """step: between neighbouring values in the file, of full scale. speakers: the channels'
        names, on which loudness depends; left out, those of so many in WAV's order."""
        self._rate, self._step, self._speakers = rate, step, speakers
        self._position = 0
        self._missing: list[float] = []
        self._missing_count = 0
        self._sum = np.zeros(0)
        self._flat: dict[float, int] = {}  # samples in runs, by the value they are at
        self._runs: list[tuple[float, int, float]] = []  # value, length, time: the longest
        self._peak = self._true_peak = 0.0
        self._true_peak_s = 0.0
        self._peaks = TruePeaks()
        self._told = 0  # samples whose true peaks are known
        self._loudness: Loudness | None = None

    def hear(self, block: Array) -> None:
        """Take the next (frames, channels) of the file."""
        missing = broken(block).any(axis=1)
        if missing.any():
            self._missing_count += int(missing.sum())
            first = np.flatnonzero(np.diff(missing, prepend=False) & missing)
            self._missing += [self._seconds(int(i)) for i in first[: 10 - len(self._missing)]]
            block = finite(block)
        if not len(self._sum):
            self._sum = np.zeros(block.shape[1])
            channels = block.shape[1]
            names = self._speakers or SPEAKERS.get(channels, ("",) * channels)
            self._loudness = Loudness(self._rate, names)
        self._sum += block.sum(axis=0)
        self._find_runs(block)
        self._note_peaks(*self._peaks.push(block.astype(np.float32)))
        if self._loudness is not None:
            self._loudness.push(block)
        self._position += len(block)

    def verdicts(self, *, may_be_silent: bool = False) -> list[Verdict]:
        """What was found, once all blocks are heard. `may_be_silent`: nothing was asked for
        anywhere, so that no sound is too quiet."""
        count = max(self._position, 1)
        offset = float(np.abs(self._sum).max(initial=0.0)) / count
        share = sum(self._flat.values()) / (count * max(len(self._sum), 1))
        self._note_peaks(*self._peaks.finish())
        decibels = 20 * float(np.log10(max(self._true_peak, 1e-9)))
        loudness = self.loudness_lufs()
        loud = at_most("faults.loudness", loudness, LOUDEST_LUFS, "LUFS")
        if loudness < QUIETEST_LUFS and not may_be_silent:
            loud = Verdict("faults.loudness", loudness, "LUFS", False, QUIETEST_LUFS, True)
        return [
            at_most("faults.missing", self._missing_count, 0, "samples", tuple(self._missing)),
            at_most(
                "faults.clipping", share, CLIPPED_SHARE, "", tuple(sorted(r[2] for r in self._runs))
            ),
            at_most("faults.dc", offset, DC_SHARE, "of full scale"),
            at_most("faults.true_peak", decibels, TRUE_PEAK_DB, "dBTP", (self._true_peak_s,)),
            loud,
        ]

    def loudness_lufs(self) -> float:
        """Integrated loudness after ITU-R BS.1770-4; -inf of silence."""
        return -np.inf if self._loudness is None else self._loudness.integrated_lufs

    def _seconds(self, index: int) -> float:
        return (self._position + index) / self._rate

    def _find_runs(self, block: Array) -> None:
        """Note where the wave stays on one high value for three samples and more."""
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        top = max(_TOP * self._peak, _FAINTEST)
        # What was the top before something higher came is none.
        self._flat = {value: count for value, count in self._flat.items() if value >= top}
        runs = [run for run in self._runs if run[0] >= top]
        for channel in block.T:
            starts, lengths = _flat(channel, top, self._step)
            values = np.abs(channel[starts])
            different, which = np.unique(values, return_inverse=True)
            for value, count in zip(different.tolist(), np.bincount(which, lengths), strict=True):
                self._flat[value] = self._flat.get(value, 0) + int(count)
            for run in np.argsort(-lengths, kind="stable")[:_PLACES]:
                found = (float(values[run]), int(lengths[run]), self._seconds(int(starts[run])))
                runs.append(found)
        self._runs = sorted(runs, key=lambda run: -run[1])[:_PLACES]

    def _note_peaks(self, samples: NDArray[Any], heights: Array) -> None:
        """Keep the highest true peak, and when it was."""
        if heights.max(initial=0.0) > self._true_peak:
            self._true_peak = self._peaks.floor = float(heights.max())
            self._true_peak_s = (self._told + int(heights.argmax())) / self._rate
        self._told += len(samples)


def _flat(channel: Array, top: float, step: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """First samples and lengths of the flat stretches of samples (n,), from `top` on, that a round
    wave does not have."""
    starts = np.concatenate([[0], np.flatnonzero(channel[1:] != channel[:-1]) + 1])
    lengths, values = np.diff(starts, append=len(channel)), channel[starts]
    falls = np.abs(np.diff(values))
    before, after = np.concatenate([[0.0], falls]), np.concatenate([falls, [0.0]])
    # So many samples lie a step below, on either side. What a block's edge cuts is not known.
    known = lengths.copy()
    known[[0, -1]] = len(channel)
    down = falls <= _A_STEP * step
    left = np.concatenate([known[:1], np.where(down, known[:-1], 0)])
    near = left + np.concatenate([np.where(down, known[1:], 0), known[-1:]])
    cornered = np.maximum(before, after) > _CORNER * step
    cut = cornered | (lengths > _FLATTER * (near + 2))
    found = (lengths >= CLIPPED_RUN) & (np.abs(values) >= top) & cut
    return starts[found], lengths[found]
