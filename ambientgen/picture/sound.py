"""A sound file's timeline: what its sidecar tells of it, else nothing but its length."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ambientgen.asked import WHOLE, Asked, Between
from ambientgen.ear.source import Sound, open_sound
from ambientgen.errors import AmbientgenError, Problem, UsageError
from ambientgen.picture.draw import Sounding
from ambientgen.picture.spectrogram import spectrogram
from ambientgen.picture.timeline import Timeline, timeline
from ambientgen.scene.durations import spell
from ambientgen.shell import readable
from ambientgen.sidecar import Sidecar, as_stem, is_time, read_sidecar, sidecar_path


def sound_timeline(path: str, between_s: Between = WHOLE) -> tuple[Timeline, Sounding]:
    """The timeline of a sound file, and how it sounds.

    `between_s` counts from the file's start; the timeline's times are the scene's, where a sidecar
    tells that the file is a stretch of one.

    Raises:
        UsageError: the file cannot be read, is shorter than 1 s, or has no such stretch.
    """
    sound = open_sound(path)
    start_s, end_s = between_s[0] or 0.0, between_s[1] or sound.duration_s
    if end_s > sound.duration_s + 1e-9:
        what = f"`{spell(end_s)}` lies past the sound's end at {spell(round(sound.duration_s, 2))}"
        raise UsageError(Problem("--to", what, "write an earlier time"))
    if start_s >= end_s:
        what = f"the sound ends at {spell(round(sound.duration_s, 2))}"
        raise UsageError(Problem("--from", what, "write a time before the end"))
    seen = spectrogram(path, start_s, end_s)
    beside, stem = _sidecar(sound)
    shift_s = 0.0 if beside is None else _shift_s(beside)
    shown = None
    if beside is not None:
        shown = _told(beside, stem, start_s + shift_s, end_s + shift_s)
    channels = {1: "mono", 2: "stereo"}.get(sound.channels, f"{sound.channels} channels")
    about, name = f"{sound.rate} Hz, {channels}", readable(Path(path).name)
    if shown is None or beside is None:
        about = f"{spell(round(sound.duration_s, 2))}, {about}"
        times_s = np.array([start_s, end_s])
        shown = Timeline(
            title=name,
            about=about,
            start_s=start_s,
            end_s=end_s,
            times_s=times_s,
            strips=(),
        )
        return shown, Sounding(seen)
    shown = replace(shown, title=f"{name}: {shown.title}", about=f"{shown.about}, {about}")
    moved = replace(seen, start_s=start_s + shift_s, end_s=end_s + shift_s)
    return shown, Sounding(moved, _joins(beside, start_s, end_s, shift_s))


def _sidecar(sound: Sound) -> tuple[Sidecar | None, str | None]:
    """What lies beside the sound, or, of a stem, beside its mix, with the layer that it is: if it
    can be read and is of a sound as long; anything else tells nothing."""
    stem: str | None = None
    try:
        found = read_sidecar(sidecar_path(sound.path))
    except FileNotFoundError:
        found, stem = as_stem(sound.path) or (None, None)
    except (OSError, AmbientgenError):
        return None, None
    length = sound.frames, sound.rate
    told = found.document if found is not None else {}
    if (told.get("samples"), told.get("sample_rate")) != length:
        return None, None
    return found, stem


def _told(beside: Sidecar, stem: str | None, start_s: float, end_s: float) -> Timeline | None:
    """The scene's timeline, of a stem with nothing but its layer; None if the sidecar's scene is
    none."""
    try:
        shown = timeline(beside.scene(), Asked(end_s, (start_s, end_s)))
    except AmbientgenError:
        return None
    if stem is None:
        return shown
    return replace(shown, strips=tuple(each for each in shown.strips if each.name == stem))


def _shift_s(beside: Sidecar) -> float:
    from_s = beside.document.get("from_s")
    return float(from_s) if isinstance(from_s, int | float) and is_time(from_s) else 0.0


def _joins(beside: Sidecar, start_s: float, end_s: float, shift_s: float) -> tuple[float, ...]:
    listed = beside.document.get("joins_s")
    if not isinstance(listed, list) or not all(map(is_time, listed)):
        return ()
    return tuple(time_s + shift_s for time_s in listed if start_s <= time_s <= end_s)
