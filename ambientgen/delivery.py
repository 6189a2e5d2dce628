"""The mix and its stems into files: all of them whole, or none there."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import numpy as np

from ambientgen.audio_file import Encoding, Shape, Sink, Written, is_stream, open_sink
from ambientgen.interrupts import unbroken
from ambientgen.limiter import LimiterReport
from ambientgen.messages import AudioWritten, Listener, Notice, StageStarted, StemClips
from ambientgen.mix.loudness import Settled, Target
from ambientgen.mix.master import Master
from ambientgen.mix.mixture import Mixed, added
from ambientgen.mix.spool import Spool
from ambientgen.scene.durations import spell
from ambientgen.scene.scene import derived_seed
from ambientgen.sidecar import Beside
from ambientgen.stream import FloatArray, Stretch

Parts = Iterator[tuple[FloatArray, ...]]
"""Blocks of all stems, of one length, one after another; or of the mix alone."""


@dataclass(frozen=True)
class Out:
    """Where a sound goes, how it is written, and what stands beside it.

    stems: a file for each stem, by the layer's name. tags: what the files say of themselves.
    beside: the place of the sidecar. force: existing files may be replaced.
    """

    path: str | Path
    encoding: Encoding
    stems: Mapping[str, Path] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    beside: Beside | None = None
    force: bool = False


@dataclass(frozen=True)
class Wanted:
    """Which samples of a mix are wanted, and how loud.

    samples: the first, and the one after the last; None: it never ends. whole: of all of the scene.
    target: the loudness of the whole; None: as it is. layout: what the channels are.
    """

    samples: Stretch
    whole: Stretch
    layout: str
    target: Target | None = None

    def pulled(self, master: Master) -> Stretch:
        """The stretch of the mix to render: to measure loudness, the whole scene (one turn of a
        loop)."""
        if self.target is None:
            return master.heard(self.samples)
        return master.heard(self.whole) if master.period is None else self.whole


@dataclass(frozen=True)
class Delivered:
    """What was written: the mix, its stems by name, and the loudness that was set, if any."""

    mix: Written
    stems: Mapping[str, Written]
    loudness: Settled | None


def deliver(mixed: Mixed, master: Master, wanted: Wanted, out: Out, tell: Listener) -> Delivered:
    """Render what is `wanted` of a mix into the files of `out`.

    Raises what `open_sink` does, UsageError where silence is to be made loud, and what the mix
    itself does. Then no new file is there.
    """
    if wanted.target is None:
        parts = _prepared(mixed, master, wanted.pulled(master), bool(out.stems))
        return _written(parts, mixed, master, wanted, out, tell)
    with ExitStack() as stack:
        folder = spool_folder(out.path)
        kept = _Kept.of(mixed, master, wanted.pulled(master), bool(out.stems), folder)
        stack.callback(kept.close)
        tell(StageStarted("measuring"))
        settled = _settled(kept, master, wanted.whole, wanted.target)
        if settled.notice is not None:
            tell(Notice(settled.notice))
        gain_db = master.settings.gain_db + settled.gain_db
        master = replace(master, settings=replace(master.settings, gain_db=gain_db))
        parts = kept.parts(master.heard(wanted.samples))
        done = _written(parts, mixed, master, wanted, out, tell)
        return replace(done, loudness=settled)


def spool_folder(output: str | Path) -> Path | None:
    """Where a sound is kept between two passes: beside its file, where there must be room anyway;
    None: in the system's folder, of one that goes to a pipe."""
    return None if is_stream(output) else Path(os.path.realpath(output)).parent


def _prepared(mixed: Mixed, master: Master, stretch: Stretch, apart: bool) -> Parts:
    """The stems of a stretch, prepared, or (not `apart`) their sum alone.

    What prepares them is linear, but rounded: only if both ways round in the same order is the mix
    the same to the bit with stems and without.
    """
    first = stretch[0]
    for parts in mixed.parts(stretch):
        length = len(parts[0])
        whole = master.prepared(added(parts), first)
        yield (whole, *(master.prepared(part, first) for part in parts)) if apart else (whole,)
        first += length


@dataclass(frozen=True)
class _Kept:
    """Prepared parts from sample `first` on, on disk; in a loop all of one turn, of `period`."""

    first: int
    period: int | None
    spools: tuple[Spool, ...]

    @classmethod
    def of(
        cls, mixed: Mixed, master: Master, stretch: Stretch, apart: bool, folder: Path | None
    ) -> _Kept:
        """Render a stretch."""
        number = 1 + len(mixed.stems) if apart else 1
        spools: list[Spool] = []
        try:
            spools.extend(Spool(mixed.channels, folder) for _ in range(number))
            for parts in _prepared(mixed, master, stretch, apart):
                for spool, part in zip(spools, parts, strict=True):
                    spool.write(part)
        except BaseException:
            for spool in spools:
                spool.close()
            raise
        return cls(stretch[0], mixed.period, tuple(spools))

    def parts(self, stretch: Stretch) -> Parts:
        """The parts of a stretch again."""
        return zip(*(self._between(spool, stretch) for spool in self.spools), strict=True)

    def mix(self, stretch: Stretch) -> Iterator[FloatArray]:
        """The mix of a stretch again."""
        return self._between(self.spools[0], stretch)

    def close(self) -> None:
        """Give the disk back."""
        for spool in self.spools:
            spool.close()

    def _between(self, spool: Spool, stretch: Stretch) -> Iterator[FloatArray]:
        begin, turns = self.first, iter([0])
        if self.period is not None:
            turn = stretch[0] // self.period
            begin, turns = turn * self.period, count(turn)
        for _ in turns:
            for block in spool.blocks():
                end = len(block) if stretch[1] is None else stretch[1] - begin
                kept = block[max(stretch[0] - begin, 0) : max(end, 0)]
                begin += len(block)
                if len(kept):
                    yield kept
            if stretch[1] is not None and begin >= stretch[1]:
                return


def _settled(kept: _Kept, master: Master, whole: Stretch, target: Target) -> Settled:
    """The gain that brings the whole to its loudness behind the limiter."""
    heard = master.heard(whole)

    def limited(gain_db: float, blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        settings = replace(master.settings, gain_db=master.settings.gain_db + gain_db)
        tried = replace(master, settings=settings)
        return tried.limiter(heard[0], whole).limited(blocks)

    measured_lufs = target.measured(kept.mix(whole))
    return target.settled(lambda: kept.mix(heard), measured_lufs, limited)


def _written(
    parts: Parts, mixed: Mixed, master: Master, wanted: Wanted, out: Out, tell: Listener
) -> Delivered:
    """Limit the mix and stream it into its file, and each stem, not limited, into its own."""
    (first, end), rate = wanted.samples, mixed.rate
    total = None if end is None else end - first
    shape = Shape(rate, mixed.channels, total, wanted.layout, first, mixed.period)
    heard_from = master.heard(wanted.samples)[0]
    limiter = master.limiter(heard_from, wanted.samples)
    done = 0
    with _sinks(out, shape) as (sink, stem_sinks):
        taps = {
            name: _Tap(each, heard_from, wanted.samples, master.gain)
            for name, each in stem_sinks.items()
        }
        in_turn = [taps.get(name) for name in mixed.stems] if taps else []
        for block in limiter.limited(_tapped(parts, in_turn)):
            sink.write(block)
            done += len(block)
            tell(AudioWritten(done / rate, total / rate if total else math.inf))
        stems = {name: each.finish() for name, each in stem_sinks.items()}
        mix = sink.finish()
        if out.beside is not None:
            told = {name: (out.stems[name], stem) for name, stem in stems.items()}
            sink.companion = out.beside.companion(mix, told)
    _tell_of_peaks(limiter.report, rate, tell)
    if out.encoding.bits != "32f":
        for name, tap in taps.items():
            _tell_of_clipping(out.stems[name], name, tap, rate, tell)
    return Delivered(mix, stems, None)


class _Tap:
    """Lets the wanted samples of a stem, of which blocks come from `first` on, into its sink.

    Counts those `above` full scale in any channel, and remembers the first of them.
    """

    def __init__(self, sink: Sink, first: int, wanted: Stretch, gain: np.float32) -> None:
        self._sink, self._next, self._wanted, self._gain = sink, first, wanted, gain
        self.above = 0
        self.first_above: int | None = None

    def write(self, block: FloatArray) -> None:
        first, end = self._wanted
        begin, self._next = self._next, self._next + len(block)
        stop = len(block) if end is None else max(end - begin, 0)
        low = max(first - begin, 0)
        kept = block[low:stop] * self._gain
        if not len(kept):
            return
        found = np.flatnonzero(np.abs(kept).max(axis=1) > 1.0)
        if len(found) and self.first_above is None:
            self.first_above = begin + low + int(found[0])
        self.above += len(found)
        self._sink.write(kept)


def _tapped(parts: Parts, taps: Sequence[_Tap | None]) -> Iterator[FloatArray]:
    """The mix, while its stems go to their taps, those that have one."""
    for mix, *stems in parts:
        for tap, stem in zip(taps, stems, strict=True):
            if tap is not None:
                tap.write(stem)
        yield mix


@contextmanager
def _sinks(out: Out, shape: Shape) -> Iterator[tuple[Sink, dict[str, Sink]]]:
    """The sinks of the mix and the stems.

    The mix takes its name last: where it is, its stems are. Where one fails at the end, stems that
    have their names already go again, unless they replaced others; and where the process is killed,
    the next render of them takes them for what they are, since their parts stay until all is done.
    Once all is written, Ctrl-C waits until all have their names.
    """
    fresh: list[Path] = []
    with ExitStack() as naming:
        try:
            with ExitStack() as parts, ExitStack() as stack:
                sink = stack.enter_context(
                    open_sink(out.path, out.encoding, shape, out.tags, out.force)
                )
                stems = {
                    name: stack.enter_context(_stem_sink(name, out, shape, fresh.append, parts))
                    for name in out.stems
                }
                yield sink, stems
                if not is_stream(out.path):
                    naming.enter_context(unbroken())
                if stems and out.force and sink.companion is not None:
                    sink.companion.clear()  # it tells of the old stems, which are replaced first
        except BaseException:
            for path in fresh:
                path.unlink(missing_ok=True)
            raise


@contextmanager
def _stem_sink(
    name: str, out: Out, shape: Shape, remember: Callable[[Path], None], parts: ExitStack
) -> Iterator[Sink]:
    """A stem's file, finished by `parts`; `remember` is told of it then, if it is a new one.

    The dither is the stem's own: one in all files would add up to more than so many noises.
    """
    path, encoding = out.stems[name], out.encoding
    if encoding.dither_seed is not None:
        encoding = replace(encoding, dither_seed=derived_seed(encoding.dither_seed, name))
    with open_sink(path, encoding, shape, out.tags, out.force, parts) as sink:
        new = not path.exists()
        yield sink
    if new:
        remember(path)


def _tell_of_peaks(report: LimiterReport, rate: int, tell: Listener) -> None:
    if report.reduced_samples:
        tell(
            Notice(
                f"peaks over the ceiling from {_told(report.first_sample or 0, rate)} on: the "
                f"limiter took off up to {report.deepest_db:.1f} dB"
            )
        )


def _told(sample: int, rate: int) -> str:
    """The second in which a sample falls, spelt as scenes spell it."""
    return spell(sample // rate)


def _tell_of_clipping(path: Path, name: str, tap: _Tap, rate: int, tell: Listener) -> None:
    """Stems have no limiter: they could not add up to the mix."""
    if tap.first_above is not None:
        many = "1 sample" if tap.above == 1 else f"{tap.above} samples"
        where = f"the stem {name} clips in {many} from {_told(tap.first_above, rate)} on"
        what = f"{where}; stems carry no limiter"
        floats = "`bits: 32f`" if path.suffix.lower() == ".wav" else ".wav with `bits: 32f`"
        tell(StemClips(f"{what}: write {floats}", what))
