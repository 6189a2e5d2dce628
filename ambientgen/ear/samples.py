"""Faults of the samples themselves, at the file's own rate, a block at a time."""

from __future__ import annotations

import warnings

import numpy as np
import pyloudnorm
from scipy.signal import resample_poly

from ambientgen.ear.source import Array, finite
from ambientgen.ear.verdicts import Verdict, at_most

CLIPPED_RUN = 3
"""Equal samples at the top in a row, from which on they are a flattened wave and no accident."""

CLIPPED_SHARE = 1e-4  # of all samples, above which clipping is a fault: 0.1 ms in each second
DC_SHARE = 0.02  # of full scale: -34 dBFS takes headroom and clicks at every start
TRUE_PEAK_DB = 0.0  # over full scale; see docs/ear.md for the choice
LOUDEST_LUFS, QUIETEST_LUFS = -5.0, -60.0

_OVERSAMPLING = 4  # ITU-R BS.1770, annex 2, for 48 kHz
_CONTEXT = 64  # samples to both sides of a block that is oversampled
_GATE_LUFS, _RELATIVE_GATE = -70.0, 10.0  # ITU-R BS.1770-4, gating


class SampleFaults:
    """Hears every block of a file, then gives its verdicts."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._position = 0
        self._missing: list[float] = []
        self._missing_count = 0
        self._sum = np.zeros(0)
        self._runs: list[tuple[float, int, float]] = []  # value, length, time
        self._peak = self._true_peak = 0.0
        self._true_peak_s = 0.0
        self._tail = np.zeros((0, 1))
        self._powers: list[float] = []
        self._meter = pyloudnorm.Meter(rate)

    def hear(self, block: Array) -> None:
        """Take the next (frames, channels) of the file."""
        broken = ~np.isfinite(block).all(axis=1)
        if broken.any():
            self._missing_count += int(broken.sum())
            first = np.flatnonzero(np.diff(broken, prepend=False) & broken)
            self._missing += [self._seconds(int(i)) for i in first[: 10 - len(self._missing)]]
            block = finite(block)
        if not len(self._sum):
            self._sum = np.zeros(block.shape[1])
            self._tail = block[:0]
        self._sum += block.sum(axis=0)
        self._find_runs(block)
        self._measure_peak(block)
        self._measure_loudness(block)
        self._position += len(block)

    def verdicts(self) -> list[Verdict]:
        """What was found, once all blocks are heard."""
        count = max(self._position, 1)
        offset = float(np.abs(self._sum).max(initial=0.0)) / count
        clipped = [run for run in self._runs if run[0] >= 0.98 * self._peak]
        share = sum(length for _, length, _ in clipped) / count
        longest = sorted(clipped, key=lambda run: -run[1])[:5]
        decibels = 20 * float(np.log10(max(self._true_peak, 1e-9)))
        loudness = self.loudness_lufs()
        loud = at_most("faults.loudness", loudness, LOUDEST_LUFS, "LUFS")
        if loudness < QUIETEST_LUFS:
            loud = Verdict("faults.loudness", loudness, "LUFS", False, QUIETEST_LUFS, True)
        return [
            at_most("faults.missing", self._missing_count, 0, "samples", tuple(self._missing)),
            at_most(
                "faults.clipping", share, CLIPPED_SHARE, "", tuple(sorted(r[2] for r in longest))
            ),
            at_most("faults.dc", offset, DC_SHARE, "of full scale"),
            at_most("faults.true_peak", decibels, TRUE_PEAK_DB, "dBTP", (self._true_peak_s,)),
            loud,
        ]

    def loudness_lufs(self) -> float:
        """Integrated loudness after ITU-R BS.1770-4; -inf of silence.

        pyloudnorm weighs and measures the blocks of 400 ms; the gates are laid over all of them.
        """
        powers = np.array(self._powers)
        levels = -0.691 + 10 * np.log10(np.maximum(powers, 1e-30))
        heard = levels >= _GATE_LUFS
        if not heard.any():
            return float("-inf")
        gate = -0.691 + 10 * np.log10(powers[heard].mean()) - _RELATIVE_GATE
        return float(-0.691 + 10 * np.log10(powers[heard & (levels > gate)].mean()))

    def _seconds(self, index: int) -> float:
        return (self._position + index) / self._rate

    def _find_runs(self, block: Array) -> None:
        """Note where the wave stays on one high value for three samples and more."""
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        for channel in block.T:
            same = (channel[1:] == channel[:-1]) & (np.abs(channel[1:]) >= 0.9 * self._peak)
            edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]])))
            for start, stop in edges.reshape(-1, 2)[:10_000]:
                length = int(stop - start) + 1
                if length >= CLIPPED_RUN and abs(channel[start]) > 1e-3:
                    found = (float(abs(channel[start])), length, self._seconds(int(start)))
                    self._runs.append(found)
        if len(self._runs) > 100_000:
            self._runs = sorted(self._runs, reverse=True)[:50_000]

    def _measure_peak(self, block: Array) -> None:
        """Between the samples; only where they are high enough to matter."""
        joined = np.concatenate([self._tail, block])
        self._tail = joined[-_CONTEXT:]
        # Between two samples a wave seldom rises by more than half: quieter parts cannot be worst.
        tall = np.abs(joined).max(axis=1, initial=0.0) >= 0.6 * self._peak
        for piece in np.unique(np.flatnonzero(tall) // 1_024):
            first = max(0, piece * 1_024 - _CONTEXT)
            part = joined[first : (piece + 1) * 1_024 + _CONTEXT]
            risen = np.abs(resample_poly(part, _OVERSAMPLING, 1, axis=0)).max(axis=1)
            if risen.max() > self._true_peak:
                self._true_peak = float(risen.max())
                at = first + int(risen.argmax()) // _OVERSAMPLING - (len(joined) - len(block))
                self._true_peak_s = max(0.0, self._seconds(at))

    def _measure_loudness(self, block: Array) -> None:
        if len(block) < 0.4 * self._rate or not np.any(block):
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of silence, which has its own verdict
            self._meter.integrated_loudness(block[:, :5])
        levels = np.asarray(self._meter.blockwise_loudness, np.float64)
        self._powers += (10 ** ((levels[np.isfinite(levels)] + 0.691) / 10)).tolist()
