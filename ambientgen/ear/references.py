"""Recordings that a texture should be like: one that is named, or the usable ones of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from pathlib import Path

from ambientgen.ear.sidecar import opened_and_told
from ambientgen.ear.texture import TextureStats
from ambientgen.ear.trace import SILENCE_DB, trace_of
from ambientgen.errors import Problem, UsageError
from ambientgen.shell import readable
from ambientgen.suffixes import SOUND_SUFFIXES

_REMEMBERED = 4_096  # references; statistics of one take 16 kB


@dataclass(frozen=True)
class References:
    """Name and statistics of each recording that was heard; and what is wrong with those that
    were left out."""

    heard: tuple[tuple[str, TextureStats], ...] = ()
    left_out: tuple[Problem, ...] = ()


def compared_with(place: str | PathLike[str] | None, judged: str | PathLike[str]) -> References:
    """The recording at `place`, or each sound file of a folder but the one that is `judged`, which
    is like itself.

    What cannot be used of a folder is left out. Each file is heard once as long as it stays what
    it is: many sounds may be compared with the same.

    Raises:
        UsageError: there is nothing to compare with; what is wrong with each file, at once.
    """
    if place is None:
        return References()
    found: list[tuple[str, TextureStats]] = []
    problems: list[Problem] = []
    for file in _files(Path(place), Path(judged)):
        stats = _texture(str(file), _stamp(file))
        if isinstance(stats, TextureStats):
            found.append((readable(file.name), stats))
        else:
            problems += stats
    if not found:
        raise UsageError(*problems)
    return References(tuple(found), tuple(problems))


def _files(path: Path, judged: Path) -> list[Path]:
    try:
        if not path.is_dir():
            return [path]
        shown = (each for each in path.iterdir() if not each.name.startswith("."))
        sounds = sorted(each for each in shown if each.suffix.lower() in SOUND_SUFFIXES)
        files = [each for each in sounds if not (each.exists() and each.samefile(judged))]
    except OSError as error:
        what = f"cannot be read ({(error.strerror or str(error)).lower()})"
        raise UsageError(Problem(str(path), what, "name another folder")) from None
    if not files:
        what = "holds no other sound files" if sounds else "holds no sound files"
        raise UsageError(Problem(str(path), what, "name another folder"))
    return files


def _stamp(file: Path) -> tuple[int, ...]:
    """What changes when a file does; of one that is not there nothing."""
    try:
        about = file.stat()
    except (OSError, ValueError):
        return ()
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns


@lru_cache(maxsize=_REMEMBERED)
def _texture(name: str, stamp: tuple[int, ...]) -> TextureStats | tuple[Problem, ...]:
    """How a file sounds, or why that cannot be told; of a file with another stamp anew."""
    try:
        heard = trace_of(opened_and_told(name)[0])
    except UsageError as error:
        return error.problems
    if heard.level_db.max() < SILENCE_DB:
        return (Problem(name, "is silent", "name a sound to be compared with"),)
    return TextureStats.average(heard.texture())
