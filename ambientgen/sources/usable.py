"""Whether a recording can be used: found before anything is rendered, told at its line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ambientgen.errors import Problem
from ambientgen.scene.layers import Layer
from ambientgen.scene.recordings import missing_recording, recording_path
from ambientgen.scene.text import named

if TYPE_CHECKING:
    from ambientgen.scene.scene import Scene

SHORTEST_S, LONGEST_S = 0.5, 30 * 60.0
# Below this no recording is: an all but empty file, whatever follows it.
SILENT = 10 ** (-80 / 20)
_PROBES = 8


def unusable_recordings(scene: Scene) -> Sequence[Problem]:
    """What is wrong with the recordings of a scene's layers, each at its line.

    Those that are there are opened.
    """
    layers = [layer for layer in scene.layers if layer.engine == "recording"]
    return [found for layer in layers if (found := check_recording(layer)) is not None]


def channels_of(layer: Layer) -> int:
    """The channels of a layer's file; 0 where it cannot be read."""
    from ambientgen.audio_file.opened import opened

    try:
        with opened(recording_path(layer)) as file:
            return int(file.channels)
    except (OSError, RuntimeError):
        return 0


def check_recording(layer: Layer) -> Problem | None:
    """What is wrong with a layer's file, found by its header and a few probes; None: nothing.

    A file that is silent at every probe is read to its end, block by block.
    """
    from ambientgen.audio_file.opened import opened  # scenes without recordings go without it

    if (missing := missing_recording(layer)) is not None:
        return missing
    path = recording_path(layer)
    if not path.is_file():  # opening a pipe would wait for its writer
        return _problem(layer, "is no file", "save the sound to a file, and name that")
    try:
        with opened(path) as file:
            return _of_header(layer, file) or _of_samples(layer, file)
    except (OSError, RuntimeError) as error:
        return unreadable(layer, error)


def unreadable(layer: Layer, error: Exception) -> Problem:
    """A file that the system does not hand out, or that the library refuses: in their own words."""
    barred = error if isinstance(error, OSError) else _barred(recording_path(layer))
    if barred is None:
        from ambientgen.audio_file.intact import reason_of

        what = f"cannot be read as sound ({reason_of(error)})"
        return _problem(layer, what, "use a whole WAV, FLAC, Ogg or MP3 file")
    reason = (barred.strerror or str(barred)).lower()
    if isinstance(barred, PermissionError):
        remedy = "let it be read (its own permissions, or its folder's), or use another file"
        return _problem(layer, f"may not be read ({reason})", remedy)
    return _problem(layer, f"cannot be read ({reason})", "copy it again, or use another file")


def too_short(layer: Layer, seconds: float) -> Problem:
    """A file of fewer than `SHORTEST_S`."""
    remedy = f"use a file of at least {SHORTEST_S:g} s"
    return _problem(layer, f"lasts only {seconds:.2f} s", remedy)


def not_finite(layer: Layer) -> Problem:
    """A file with samples that are no numbers."""
    return _problem(layer, "holds numbers that are not finite", "export it again")


def _of_header(layer: Layer, file: Any) -> Problem | None:
    # With every format that can be written: 50 ms, for scenes that have recordings.
    from ambientgen.audio_file.intact import UNTOLD, flaw_of

    frames, rate = int(file.frames), int(file.samplerate)
    channels = int(file.channels)
    if channels > 2:
        return _problem(layer, f"has {channels} channels", "use a mono or a stereo file")
    if frames == 0:
        return _problem(layer, "holds no sound", "use a file of at least half a second")
    if LONGEST_S * rate < frames < UNTOLD:
        minutes = frames / rate / 60
        what = f"lasts {minutes:.0f} minutes, and is held in memory"
        return _problem(layer, what, f"cut it to at most {LONGEST_S / 60:.0f} minutes")
    if (flaw := flaw_of(recording_path(layer), file)) is not None:
        return _problem(layer, *flaw)
    if frames < SHORTEST_S * rate:
        return too_short(layer, frames / rate)
    return None


def _of_samples(layer: Layer, file: Any) -> Problem | None:
    """Whether some of it sounds, and is numbers."""
    import numpy as np

    frames, rate = int(file.frames), int(file.samplerate)
    places = [frames * k // _PROBES for k in range(_PROBES)]
    # The decoder of MP3s is heard complaining where it is to jump.
    jumps = file.format != "MP3"
    silent = True
    for starts in (places, range(0, frames, rate)) if jumps else (range(0, frames, rate),):
        for start in starts:
            if jumps:
                file.seek(start)
            block = file.read(rate, dtype="float32", always_2d=True)
            if not np.isfinite(block).all():
                return not_finite(layer)
            offset = block.mean(axis=0) if len(block) else 0.0
            silent = silent and bool(np.abs(block - offset).max(initial=0.0) < SILENT)
            if not silent and not jumps:
                return None
        if not silent:
            return None
    return _problem(layer, "is silent from end to end", "use a file that sounds")


def _problem(layer: Layer, what: str, remedy: str) -> Problem:
    """At the line that names the file; of a scene without lines, at the file."""
    name = named(layer.file or "")
    return Problem(
        layer.place or str(recording_path(layer)), f"the recording {name} {what}", remedy
    )


def _barred(path: Path) -> OSError | None:
    """Why the system does not hand out a file, which the library keeps to itself; None: it does."""
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        return error
    return None
