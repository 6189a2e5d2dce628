"""Loudness after EBU R128: measured as a stream, and the gain that reaches what was asked for.

The measure is ITU-R BS.1770-4's: K-weighting, blocks of 400 ms every 100 ms, two gates. Its filters
are recursive, which is no matter here: it only listens. Blocks are kept as a histogram, so that an
hour takes as much memory as a minute.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ambientgen.errors import Problem, UsageError

FloatArray = NDArray[np.float32]
Limited = Callable[[float, Iterable[FloatArray]], Iterator[FloatArray]]
"""Blocks at a gain in dB, and limited: what the listener gets."""

TOLERANCE_LU = 0.3
"""How near to its target a loudness is left alone; EBU R128 allows 0.5 LU of any programme."""

TURNS = 3
"""How often a gain is tried and corrected: each turn costs one limiting of the whole sound."""

MOST_FORCED_DB = 12.0
"""So much more than the gain that would do without a limiter is tried at most: what is driven
farther into it only gets flatter. The shipped scenes take up to 5 dB for -12 LUFS."""

LEAST_STEP_LU = 0.1
"""A turn that brings less is the last, and is not taken: what it costs is heard, what it gives is
not."""

SURROUND_WEIGHT = 1.41  # BS.1770-4, table 3: +1.5 dB
_WEIGHTS = {"LFE": 0.0, "BL": SURROUND_WEIGHT, "BR": SURROUND_WEIGHT} | dict.fromkeys("XYZ", 0.0)

_HOPS = 4  # of 100 ms in a block of 400 ms
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, 10.0
_BIN_LU, _LOUDEST_LUFS = 0.01, 30.0  # of the histogram: the gate's place is exact to one bin
_K_WEIGHTING = (
    (4.0, 1 / math.sqrt(2), 1500.0, "high_shelf"),
    (0.0, 0.5, 38.0, "high_pass"),
)
"""Gain in dB, quality, frequency in Hz and kind of each stage, as in pyloudnorm's own meter."""
_OFFSET_LU = -0.691  # BS.1770-4: a full-scale tone of 997 Hz is at -3.01 LUFS


def weights_of(channels: Sequence[str]) -> tuple[float, ...]:
    """What each channel counts, by its name (L, FC, LFE, BL, W, ...).

    Channels behind count 1.41 times, the LFE nothing, all others once. Of ambisonics W alone
    counts: it is the sound at the listener's place from all directions at once.
    """
    return tuple(_WEIGHTS.get(name, 1.0) for name in channels)


def gain_for(target_lufs: float, measured_lufs: float) -> float:
    """The gain in dB, in whole hundredths, that brings a sound from one loudness to another.

    Hundredths, so that a gain written down as text is the gain. Raises ValueError for silence.
    """
    if not math.isfinite(measured_lufs):
        raise ValueError("no gain makes silence as loud as anything")
    return round(target_lufs - measured_lufs, 2)


class Loudness:
    """Listens to blocks (n, channels); what it heard does not depend on where they are cut.

    rate: Hz, a multiple of 10. channels: their names in order (see `weights_of`).
    """

    def __init__(self, rate: int, channels: Sequence[str]) -> None:
        from pyloudnorm import IIRfilter

        self._hop = rate // 10
        self._weights = np.array(weights_of(channels))
        stages: list[Any] = [
            IIRfilter(gain_db, quality, hertz, rate, kind)
            for gain_db, quality, hertz, kind in _K_WEIGHTING
        ]
        self._filters = [(stage.b * stage.passband_gain, stage.a) for stage in stages]
        self._states = [np.zeros((2, len(self._weights))) for _ in self._filters]
        self._waiting: NDArray[Any] = np.zeros((0, len(self._weights)), np.float32)
        self._recent: list[float] = []  # mean squares of the last hops
        bins = math.ceil((_LOUDEST_LUFS - _ABSOLUTE_GATE_LUFS) / _BIN_LU)
        self._counts = np.zeros(bins, np.int64)
        self._powers = np.zeros(bins)

    def push(self, block: FloatArray | NDArray[np.float64]) -> None:
        """Take the next samples, (n, channels)."""
        self._waiting = np.concatenate([self._waiting, block]) if len(self._waiting) else block
        count = len(self._waiting) // self._hop
        for at in range(0, count * self._hop, self._hop):
            self._hear(self._waiting[at : at + self._hop])
        self._waiting = self._waiting[count * self._hop :].copy()

    @property
    def integrated_lufs(self) -> float:
        """Of all that was pushed so far; -inf of silence, and of less than 400 ms."""
        return _gated(self._counts, self._powers)

    def _hear(self, hop: NDArray[Any]) -> None:
        """Take 100 ms: always as many at once, so that cuts change no bit of a sum."""
        from scipy.signal import lfilter

        heard = np.ascontiguousarray(hop, np.float64)
        for number, (forward, back) in enumerate(self._filters):
            heard, self._states[number] = lfilter(
                forward, back, heard, axis=0, zi=self._states[number]
            )
        power = float((np.square(heard).mean(axis=0) * self._weights).sum())
        self._recent = [*self._recent[1 - _HOPS :], power]
        if len(self._recent) < _HOPS:
            return
        power = sum(self._recent) / _HOPS
        level_lufs = _lufs(power)
        if level_lufs >= _ABSOLUTE_GATE_LUFS:
            place = int((level_lufs - _ABSOLUTE_GATE_LUFS) / _BIN_LU)
            place = min(place, len(self._counts) - 1)
            self._counts[place] += 1
            self._powers[place] += power


def _lufs(power: float) -> float:
    return _OFFSET_LU + 10 * math.log10(power) if power > 0 else -math.inf


def _gated(counts: NDArray[np.int64], powers: NDArray[np.float64]) -> float:
    """The loudness of the blocks in a histogram that lie above the relative gate."""
    if not counts.any():
        return -math.inf
    gate_lufs = _lufs(float(powers.sum() / counts.sum())) - _RELATIVE_GATE_LU
    first = max(0, math.ceil((gate_lufs - _ABSOLUTE_GATE_LUFS) / _BIN_LU))
    first = min(first, len(counts) - 1)  # which holds all that is louder than there are bins for
    return _lufs(float(powers[first:].sum() / counts[first:].sum()))


@dataclass(frozen=True)
class Settled:
    """The gain that was found, in dB; the loudness without it, and with it and the limiter.

    notice: why the target was missed, in words for the user; None: it was not.
    """

    gain_db: float
    measured_lufs: float
    reached_lufs: float
    notice: str | None


@dataclass(frozen=True)
class Target:
    """What is asked for, and of what: a sound of a rate (Hz) and named channels.

    place: where the wish stands, as `file:line:column`, for the error about a silent sound.
    """

    lufs: float
    rate: int
    channels: tuple[str, ...]
    place: str = ""

    def measured(self, blocks: Iterable[FloatArray]) -> float:
        """The integrated loudness of all of `blocks`, LUFS."""
        meter = Loudness(self.rate, self.channels)
        for block in blocks:
            meter.push(block)
        return meter.integrated_lufs

    def settled(
        self, sound: Callable[[], Iterator[FloatArray]], measured_lufs: float, limited: Limited
    ) -> Settled:
        """The gain with which `sound` reaches the target behind the limiter.

        sound: begins the blocks anew at each call. measured_lufs: theirs. Raises UsageError for
        silence.

        A limiter takes loudness away, so the gain is tried and corrected: up to three times, each
        step as long as the last one's effect makes necessary, and by `MOST_FORCED_DB` at most in
        all. Where a louder turn brings next to nothing the softer one before it is the best.
        """
        if not math.isfinite(measured_lufs):
            what = f"a loudness of {self.lufs:g} LUFS is asked for, but above "
            what += (
                f"{_ABSOLUTE_GATE_LUFS:g} LUFS, where measuring begins, there is nothing to hear"
            )
            remedy = "let something sound louder, or for at least 0.4 s, or take out `loudness`"
            raise UsageError(Problem(self.place, what, remedy))
        gain_db = gain_for(self.lufs, measured_lufs)
        most_db = round(gain_db + MOST_FORCED_DB, 2)
        tried: list[tuple[float, float]] = [(0.0, measured_lufs)]
        best = (gain_db, math.inf)
        while True:
            tried.append((gain_db, self.measured(limited(gain_db, sound()))))
            if self._off(tried[-1][1]) <= self._off(best[1]) - LEAST_STEP_LU:
                best = tried[-1]
            near = self._off(best[1]) <= TOLERANCE_LU
            in_vain = abs(tried[-1][1] - tried[-2][1]) < LEAST_STEP_LU
            if near or in_vain or len(tried) > TURNS or gain_db >= most_db:
                break
            gain_db = min(_corrected(tried, self.lufs), most_db)
        return Settled(best[0], measured_lufs, best[1], self._missed(best[1]))

    def _off(self, lufs: float) -> float:
        return abs(lufs - self.lufs)

    def _missed(self, reached_lufs: float) -> str | None:
        if self._off(reached_lufs) <= TOLERANCE_LU:
            return None
        return (
            f"loudness: {reached_lufs:.1f} LUFS reached, not {self.lufs:g}: the limiter takes off "
            "what more gain would add; ask for less, or for a higher `peak`"
        )


def _corrected(tried: Sequence[tuple[float, float]], target_lufs: float) -> float:
    """The next gain, from how much of the last step was heard."""
    (gain_before, lufs_before), (gain_db, lufs) = tried[-2:]
    heard = (lufs - lufs_before) / (gain_db - gain_before) if gain_db != gain_before else 1.0
    # A fifth at least: further steps would mostly be limited away.
    return round(gain_db + (target_lufs - lufs) / min(max(heard, 0.2), 1.0), 2)
