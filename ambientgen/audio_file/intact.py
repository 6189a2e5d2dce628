"""Whether a sound file that is to be read is all there, and whether all of it would be read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

import soundfile

from ambientgen.audio_file.truncation import cut_short
from ambientgen.audio_file.unread import left_out
from ambientgen.errors import Problem, UsageError

UNTOLD = 2**60
"""More samples than this libsndfile counts in a FLAC that was written to a pipe."""


class Flaw(NamedTuple):
    """What is wrong with a file, as what would follow its name, and what to do."""

    what: str
    remedy: str


def check_no_pipe(path: str | os.PathLike[str]) -> None:
    """Refuse a pipe in a sound file's place, before opening it waits for who writes there.

    Raises UsageError.
    """
    try:
        kind = os.stat(path).st_mode
    except (OSError, ValueError):
        return  # who opens it says why that does not work
    if stat.S_ISFIFO(kind):
        what = "is a pipe, which can be read once only, and from its start"
        raise UsageError(Problem(os.fspath(path), what, "save the sound to a file first"))


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
