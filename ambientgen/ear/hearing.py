"""Listen to a file: everything the ear can say about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from ambientgen.ear.asked import Placed, as_heard
from ambientgen.ear.drift import drift_verdicts
from ambientgen.ear.events import away_from, events_s
from ambientgen.ear.gaps import gap_verdicts
from ambientgen.ear.levels import ChannelLevels
from ambientgen.ear.references import compared_with
from ambientgen.ear.repeats import repeat_verdicts, strongest_repeat
from ambientgen.ear.samples import SampleFaults
from ambientgen.ear.seam_verdicts import HOP_UNTOLD_S, loop_verdict, seam_verdicts
from ambientgen.ear.seams import trace_features
from ambientgen.ear.sidecar import Told, opened_and_told
from ambientgen.ear.source import Array, Sound, finite
from ambientgen.ear.space import Width
from ambientgen.ear.texture import TextureStats, distance
from ambientgen.ear.trace import HOP_S, Trace, trace
from ambientgen.ear.trajectory import (
    HeardCurve,
    heard_curves,
    silent_stretches,
    trajectory_verdicts,
)
from ambientgen.ear.turns import once
from ambientgen.ear.verdicts import Verdict, at_most
from ambientgen.errors import Problem, UsageError

if TYPE_CHECKING:
    from ambientgen.scene import Scene

REFERENCE = 0.6
"""Distance to the nearest reference; see docs/ear.md for the choice."""

_NO_TRAJECTORY = Verdict("trajectory", None, note="not judged: --scene tells the curves")


@dataclass(frozen=True)
class Hearing:
    """What was heard in a file.

    Attributes:
        sound: The file.
        trace: What was kept of it.
        joins_s: The joins that were judged, in seconds.
        told: Whether these were told, by the caller or the sidecar, or every hop was taken.
        curves: Asked and heard, for each known state of the scene.
        verdicts: All of them, group by group.
        remark: Why what lies beside the file was not used, if it was not.
        left_out: Why files of a folder of references were not compared with.
    """

    sound: Sound
    trace: Trace
    joins_s: tuple[float, ...]
    told: bool
    curves: tuple[HeardCurve, ...]
    verdicts: tuple[Verdict, ...]
    remark: str | None = None
    left_out: tuple[Problem, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no verdict failed."""
        return not self.failures

    @property
    def failures(self) -> list[Verdict]:
        """The verdicts that failed."""
        return [verdict for verdict in self.verdicts if verdict.passed is False]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "file": str(self.sound.path),
            "duration_s": round(self.sound.duration_s, 3),
            "sample_rate": self.sound.rate,
            "channels": self.sound.channels,
            "passed": self.passed,
            "joins": {"count": len(self.joins_s), "told": self.told},
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
        }


def listen(
    path: str | PathLike[str],
    scene: Scene | None = None,
    joins_s: Sequence[float] | None = None,
    reference: str | PathLike[str] | None = None,
) -> Hearing:
    """Measure and judge a sound file, in one pass and in bounded memory.

    Args:
        path: WAV, FLAC, OGG or whatever libsndfile reads; any rate, any number of channels.
        scene: What was asked for: adds the trajectory, and says where drift is a fault. Of a
            stretch or a stem, the sidecar says of what. Layers are heard as one mixture.
        joins_s: Where windows were joined; the sidecar's if left out, or else every hop. Those
            near the beginning of an event that the sidecar's scene or `scene` has are not judged.
        reference: A recording, or a folder of them, that the texture should be like.

    Raises:
        UsageError: a file is missing, damaged, no sound, or shorter than 1 s.
    """
    sound, told = opened_and_told(path)
    references = compared_with(reference, sound.path)
    whole = told.asked(scene) if scene else None
    scene = as_heard(whole, told.from_s) if whole else None
    placed = Placed(whole, told.from_s)
    faults = SampleFaults(sound.rate, sound.step, sound.speakers)
    width, levels = Width(), ChannelLevels(sound.rate)
    heard = trace(_mono(sound, faults, width, levels), sound.rate)
    _check_whole(sound, heard)
    known = joins_s if joins_s is not None else told.joins_s
    turn_s = _turn_s(told, whole)
    joins, apart = _joins(known, told, whole, heard)
    asked = told.asked(whole)
    silent_s, faded_s = _unasked(asked, told.from_s, heard), Placed(asked, told.from_s).faded_s
    unfaded_s = placed.unfaded_s(heard.duration_s)
    curves = heard_curves(heard, scene, unfaded_s) if scene else []
    promised = told.loop or (whole is not None and _goes_round(whole, sound.duration_s))
    turns = heard.duration_s / (turn_s or heard.duration_s)
    verdicts = [
        *seam_verdicts(trace_features(heard, joins, apart), known is not None, turns),
        loop_verdict(sound, heard, promised, turn_s),
        *(trajectory_verdicts(curves, scene, heard.duration_s) if scene else [_NO_TRAJECTORY]),
        *_texture_verdicts(heard, references.heard),
        *drift_verdicts(heard, scene, placed),
        *faults.verdicts(may_be_silent=_covers(silent_s, heard.duration_s)),
        *gap_verdicts(heard, silent_s, levels.levels_db, faded_s(heard.duration_s)),
        *repeat_verdicts(strongest_repeat(sound, heard, turn_s)),
        *width.verdicts(),
    ]
    return Hearing(
        sound,
        heard,
        joins,
        known is not None,
        tuple(curves),
        tuple(verdicts),
        told.remark,
        references.left_out,
    )


def _check_whole(sound: Sound, heard: Trace) -> None:
    """Raises UsageError where less could be read than the file promises."""
    if heard.duration_s < sound.duration_s - 1:
        what = f"ends after {heard.duration_s:.1f} of {sound.duration_s:.1f} s"
        raise UsageError(Problem(str(sound.path), what, "make or copy the file anew"))


def _joins(
    known: Sequence[float] | None, told: Told, whole: Scene | None, heard: Trace
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The joins to judge, every hop where none are known, and moments that are neither these nor
    others."""
    hops = np.arange(HOP_UNTOLD_S, heard.duration_s, HOP_UNTOLD_S).tolist()
    events = told.events_s
    if events is None and whole is not None:
        events = events_s(whole, told.from_s, heard.duration_s)
    turn_s = _turn_s(told, whole)
    judged, apart = once(hops if known is None else known, turn_s, heard.duration_s)
    return away_from(judged, events or ()), apart


def _goes_round(scene: Scene, length_s: float) -> bool:
    """Whether a sound of that length is whole turns of a looped scene: a stretch of it is none."""
    turns = length_s / scene.duration_s
    return scene.loop and round(turns) > 0 and abs(turns - round(turns)) * scene.duration_s < HOP_S


def _unasked(whole: Scene | None, from_s: float, heard: Trace) -> tuple[tuple[float, float], ...]:
    """Where nothing is asked for, (start, end) in seconds: not by states, nor by a recording, nor
    in a scene that is nothing but single events."""
    if whole is None or any(layer.file is not None for layer in whole.sounds):
        return ()  # a recording sounds throughout
    scene = as_heard(whole, from_s)
    if scene is not None:
        return silent_stretches(scene, heard.duration_s)
    if all(layer.events for layer in whole.sounds):
        return ((0.0, heard.duration_s),)
    return ()


def _covers(stretches: Sequence[tuple[float, float]], length_s: float) -> bool:
    """Whether nothing of a sound lies outside of one of the stretches."""
    return any(start <= 0.0 and end >= length_s for start, end in stretches)


def _turn_s(told: Told, scene: Scene | None) -> float | None:
    """How long one turn of a loop lasts, which comes again as it should; None of other sounds."""
    if told.turn_s is None and scene is not None and scene.loop:
        return scene.duration_s
    return told.turn_s


def _mono(
    sound: Sound, faults: SampleFaults, width: Width, levels: ChannelLevels
) -> Iterator[Array]:
    for block in sound.blocks():
        faults.hear(block)
        whole = finite(block)
        width.hear(whole)
        levels.hear(whole)
        yield sound.mono(whole)


def _texture_verdicts(
    heard: Trace, references: Sequence[tuple[str, TextureStats]]
) -> list[Verdict]:
    if not references:
        return []
    own = TextureStats.average(heard.texture())
    apart = sorted((distance(own, stats), name) for name, stats in references)
    verdict = at_most("texture.distance", apart[0][0], REFERENCE)
    middle = apart[len(apart) // 2][0]
    note = f"nearest: {apart[0][1]}"
    if len(apart) > 1:
        note += f"; median of {len(apart)}: {middle:.2f}"
    return [Verdict(**{**vars(verdict), "note": note})]
