"""What one render is to make: decided before any model is loaded."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from ambientgen.asked import Asked
from ambientgen.audio_file import (
    FORMATS,
    Encoding,
    Shape,
    check_room_for,
    file_bytes,
    is_stream,
    loop_notice,
)
from ambientgen.audio_file.target import real_path
from ambientgen.delivery import Wanted, spool_folder
from ambientgen.errors import Problem, UsageError
from ambientgen.limiter import LimiterSettings
from ambientgen.messages import Notice
from ambientgen.mix.fades import Fades
from ambientgen.mix.layouts import LAYOUTS, Layout
from ambientgen.mix.loudness import Target
from ambientgen.mix.master import Master
from ambientgen.mix.spool import SAMPLE_BYTES, check_room
from ambientgen.scene import Scene, recording_path
from ambientgen.scene.durations import spell
from ambientgen.scene.faults import listed
from ambientgen.scene.scene import OutputOptions, derived_seed
from ambientgen.scene.text import named
from ambientgen.sidecar import SampleSpan
from ambientgen.sources.usable import unusable_recordings
from ambientgen.sources.vain import said_in_vain
from ambientgen.stream import Stretch
from ambientgen.units import MODEL_RATE, samples_at, whole_period


@dataclass(frozen=True)
class Job:
    """A scene, fitted to its output's rate, and which samples of it are asked for."""

    scene: Scene
    asked: Asked
    samples: Stretch

    @classmethod
    def of(cls, scene: Scene, asked: Asked) -> Job:
        """The job that makes of `scene` what is asked for.

        Raises UsageError for a stretch that is none, for a sound without end whose loudness is to
        be measured, and for a recording that cannot be used.
        """
        asked = asked.ended(scene.duration_s)
        scene = fitted(scene)
        samples = asked.stretch(scene.duration_s, scene.output.sample_rate)
        if scene.output.loudness_lufs is not None and samples[1] is None:
            what = "`loudness` is measured over the whole sound, and this one never ends"
            place = scene.output.loudness_place or "output.loudness"
            raise UsageError(Problem(place, what, "give an end, or take it out"))
        check_recordings(scene)
        return cls(scene, asked, samples)

    @property
    def rate(self) -> int:
        """Hz, of the output."""
        return self.scene.output.sample_rate

    @property
    def layout(self) -> Layout:
        """The output's channels."""
        return LAYOUTS[self.scene.output.layout]

    @property
    def period(self) -> int | None:
        """Samples of a loop."""
        return samples_at(self.scene.duration_s, self.rate) if self.scene.loop else None

    @property
    def whole(self) -> Stretch:
        """All of the scene, as long as it was asked for; of a loop one turn."""
        if self.period is not None:
            return 0, self.period
        return Asked(self.asked.duration_s).stretch(self.scene.duration_s, self.rate)

    @property
    def span(self) -> SampleSpan | None:
        """The samples that the file will hold; None: it never ends."""
        first, end = self.samples
        return None if end is None else SampleSpan(first, end, self.rate, self.period)

    @cached_property
    def master(self) -> Master:
        """What is done to the mix."""
        output, share = self.scene.output, self._share_of_fades
        lengths_s = output.fade_in_s, output.fade_out_s
        fade_in, fade_out = (samples_at(share * length_s, self.rate) for length_s in lengths_s)
        fades = Fades(fade_in, fade_out, self.whole[1] if fade_out else None)
        return Master(LimiterSettings(ceiling_db=output.peak_dbtp), self.rate, fades, self.period)

    @property
    def _share_of_fades(self) -> float:
        """How much of its fades a sound has room for that is to be shorter than its scene."""
        end = self.whole[1]
        fades = (self.scene.output.fade_in_s + self.scene.output.fade_out_s) * self.rate
        return 1.0 if end is None or fades < end + 1 else end / fades

    @cached_property
    def wanted(self) -> Wanted:
        """Which samples of the mix are wanted, and how loud."""
        lufs = self.scene.output.loudness_lufs
        target = None
        if lufs is not None:
            place = self.scene.output.loudness_place or "output.loudness"
            target = Target(lufs, self.rate, self.layout.channels, place)
        return Wanted(self.samples, self.whole, self.layout.name, target)

    @property
    def pulled(self) -> Stretch:
        """What the mix is asked for."""
        return self.wanted.pulled(self.master)

    @property
    def shape(self) -> Shape:
        """What the file is made of."""
        first, end = self.samples
        total = None if end is None else end - first
        channels = len(self.layout.channels)
        return Shape(self.rate, channels, total, self.layout.name, first, self.period)

    def check_room(self, output: str | Path, encoding: Encoding, stems: Collection[Path]) -> None:
        """Refuse a loudness for which the sound cannot be kept until it is known, and files that
        do not go on the disk together.

        Raises OutputError; see `spool.check_room` and `check_room_for`.
        """
        first, end = self.pulled
        if self.wanted.target is None or end is None:
            if stems:
                check_room_for((output, *stems), encoding, self.shape)
            return
        kept = 1 + len(self.scene.sounds) if stems else 1
        folder = spool_folder(output)
        written = 0
        if folder is not None:
            files = (file_bytes(path, encoding, self.shape) for path in (output, *stems))
            written = sum(files)
        frame_bytes = SAMPLE_BYTES * self.shape.channels
        check_room(kept * (end - first) * frame_bytes, written, folder)

    def encoding(self, format_name: str | None) -> Encoding:
        """How the file is written: with a dither of the scene's own."""
        seed = derived_seed(self.scene.seed, "dither")
        return Encoding(format_name, self.scene.output.bits, seed)

    def notices(self, scene: Scene, output: str | Path, encoding: Encoding) -> Iterator[Notice]:
        """What is to be said of the job that `scene`, as it was written, became."""
        if scene.loop and _samples(self.scene) != _samples(scene):
            lasts, asked = spell(self.scene.duration_s), spell(scene.duration_s)
            yield Notice(f"the loop lasts {lasts}, not {asked}: whole samples at {self.rate} Hz")
        if self.period is not None and self.span is not None:
            notice = loop_notice(output, encoding)
            if notice is not None:
                yield notice
        if self.wanted.target is not None and _length(self.samples) < _length(self.whole):
            yield Notice("all of the scene is rendered, to measure its loudness")
        if self._share_of_fades < 1.0:
            yield Notice("the fades are longer than the sound, and shortened to share it")
        yield from map(Notice, said_in_vain(scene))


def _length(stretch: Stretch) -> float:
    return math.inf if stretch[1] is None else stretch[1] - stretch[0]


def _samples(scene: Scene) -> int:
    return samples_at(scene.duration_s, MODEL_RATE)


def fitted(scene: Scene) -> Scene:
    """A scene that the output's rate can tell exactly: a loop of as many samples as fit both.

    It lasts as long as these samples do, to the last bit: every layer counts its turns from that,
    each at a rate of its own.
    """
    if not scene.loop:
        return scene
    whole = whole_period(_samples(scene), MODEL_RATE, scene.output.sample_rate)
    return replace(scene, duration_s=whole / MODEL_RATE)


def in_format_of(scene: Scene, path: str | Path) -> Scene:
    """`scene` with the output format that `path` asks for.

    That is the suffix's; of a pipe or `-` without one WAV, which needs no seeking. Any other path
    leaves the scene as it is.
    """
    by_suffix = {kind.suffix: known for known, kind in FORMATS.items()}
    wanted = by_suffix.get(Path(path).suffix.lower())
    if wanted is None and is_stream(path) and not os.path.isdir(path):
        wanted = "wav"
    if wanted is None or wanted == scene.output.format:
        return scene
    kind = cast("Any", wanted)
    # What loses some of the samples has no bits; the scene, written down again, must not say any.
    bits = OutputOptions.bits if FORMATS[wanted].lossy else scene.output.bits
    return replace(scene, output=replace(scene.output, format=kind, bits=bits))


def check_recordings(scene: Scene) -> None:
    """Raises UsageError where a recording of a layer is not there, or cannot be used."""
    problems = unusable_recordings(scene)
    if problems:
        raise UsageError(*problems)


def check_files(scene: Scene, output: str | Path, stems: Mapping[str, Path]) -> None:
    """Files of a render go nowhere else: each its own, none a recording that the scene is made of,
    stems of layers that there are.

    Raises UsageError.
    """
    names = [sound.name for sound in scene.sounds]
    problems = [
        Problem(str(path), f"there is no layer {named(name)}", f"there are {listed(names, 'and')}")
        for name, path in stems.items()
        if name not in names
    ]
    taken = recordings_of(scene)
    for what, path in (("the mix", output), *((f"the stem {name}", stems[name]) for name in stems)):
        if is_stream(path):
            continue
        real = real_path(path)
        if real in taken:
            problems.append(
                Problem(str(path), f"{taken[real]} would be overwritten", "name another file")
            )
        taken.setdefault(real, what)
    if problems:
        raise UsageError(*problems)


def recordings_of(scene: Scene) -> dict[str, str]:
    """The recordings that a scene is made of, in words, by their real path."""
    return {
        os.path.realpath(recording_path(layer)): f"the recording of the layer {layer.name}"
        for layer in scene.layers
        if layer.file is not None
    }
