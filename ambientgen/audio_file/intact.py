"""Whether a sound file that is to be read is all there, and whether all of it would be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import soundfile

from ambientgen.audio_file.truncation import cut_short
from ambientgen.audio_file.unread import left_out

UNTOLD = 2**60
"""More samples than this libsndfile counts in a FLAC that was written to a pipe."""


class Flaw(NamedTuple):
    """What is wrong with a file, as what would follow its name, and what to do."""

    what: str
    remedy: str


def flaw_of(path: Path, file: Any) -> Flaw | None:
    """What is wrong with a file, open as a `soundfile.SoundFile`; None: nothing that can be told
    without reading it to its end."""
    if not _can_be_entered(file):
        return Flaw("can be read from its start only, being packed so", "save it as WAV or FLAC")
    if file.frames >= UNTOLD:
        return Flaw("does not say how long it is", "save it to a file, not to a pipe")
    cut = cut_short(path, file) if file.frames else None
    if cut is not None:
        what = f"is cut short: {cut.held_s:.2f} s are there, and "
        what += "its end is not" if cut.told_s is None else f"it should last {cut.told_s:.2f} s"
        return Flaw(what, "copy it again, or save what is there as a new file")
    missed = left_out(path, file)
    return None if missed is None else Flaw(missed, "save it anew, as WAV or FLAC")


def reason_of(error: Exception) -> str:
    """Why the library cannot read a file that is there: in its own words, without the path."""
    said = " ".join(str(error).split()).rpartition(": ")[2].rstrip(".")
    if said.startswith("File does not exist"):  # what it says of an MP3 that is none
        return "it holds no sound"
    return said or type(error).__name__


def _can_be_entered(file: Any) -> bool:
    """Whether an open file can be read from any sample on: what GSM and G.72x pack cannot, and of
    DWVW the library learns it by trying."""
    try:
        file.seek(min(1, file.frames))
        file.seek(0)
    except soundfile.LibsndfileError:
        return False
    return True
