"""A user's folder: which files are recordings, and what each of them is called in words.

A recording has captions, or belongs to a state. Captions stand in a text file of its name
(`dawn.wav`, `dawn.txt`: one on each line), or in `captions.tsv` or `captions.json` of any folder
above it. Without any, the folder it lies in names its state, or the file's own name does.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ambientgen.errors import Problem, UsageError
from ambientgen.scene.catalogue import KNOWN

OPTION = "--data"
TABLES = ("captions.tsv", "captions.json")
CARDS = frozenset((".txt", ".tsv", ".json", ".md", ".csv"))
LONGEST_CAPTION = 200  # characters; some 40 words, beyond what the tokenizers take
LONGEST_NAME = 40  # of a state, as in scenes
UNNAMED = "place"  # a state whose file and folder have no letter in their names


@dataclass(frozen=True)
class Source:
    """A file that may be a recording. `name` is its path within the folder; it has `captions`, or
    else a `state`."""

    path: Path
    name: str
    captions: tuple[str, ...] = ()
    state: str = ""


@dataclass(frozen=True)
class Remark:
    """Something about one file of the folder that its owner should know."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass
class Found:
    """What a folder holds."""

    sources: list[Source] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


def words_of(state: str) -> tuple[str | None, ...]:
    """The words for a state at levels 0, ¼, ½, ¾ and 1: the catalogue's, or for a state of the
    user's own its name, faint to very loud. The middle one is what it is at any level."""
    if state in KNOWN:
        return KNOWN[state].levels
    label = state.replace("_", " ")
    return (None, f"faint {label}", label, f"loud {label}", f"very loud {label}")


def plain_word(state: str) -> str:
    """A state at any level, as a render's constant text says it."""
    return KNOWN[state].plain if state in KNOWN else state.replace("_", " ")


def state_name(text: str) -> str:
    """`text` as a scene may call a state (`Market Day 2` is market_day); "" if no word is left."""
    small = re.sub(r"[^a-z0-9]+", "_", text.lower())
    name = re.sub(r"^[^a-z]+|[_0-9]+$", "", small)[:LONGEST_NAME].rstrip("_")
    return name if len(name) > 1 else ""


def find(folder: Path, apart: Sequence[Path] = ()) -> Found:
    """Everything in `folder` and below that may be a recording, in the order of names, but what is
    in the folders `apart`: a training's own may stand there.

    Raises:
        UsageError: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "there is no such folder"
        raise UsageError(Problem(f"{OPTION} {folder}", what, "name a folder of recordings"))
    found = Found()
    told: dict[Path, list[str]] = {}
    files = list(_files(folder, apart))
    for path in files:
        if path.name in TABLES:
            _read_table(path, folder, told, found.remarks)
    for path in files:
        if path.suffix.lower() in CARDS:
            continue
        captions = [*told.pop(path, ()), *_card(path, folder, found.remarks)]
        name = path.relative_to(folder).as_posix()
        if captions:
            found.sources.append(Source(path, name, tuple(dict.fromkeys(captions))))
        else:
            found.sources.append(Source(path, name, state=_state_of(path, folder)))
    for path in told:
        name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
        found.remarks.append(Remark(name, "has a caption, but is not there"))
    if not found.sources:
        remedy = "put sound files into it, or into folders named after their sound"
        raise UsageError(Problem(f"{OPTION} {folder}", "holds no file to learn from", remedy))
    return found


def _files(folder: Path, apart: Sequence[Path]) -> Iterator[Path]:
    """Regular files, but hidden ones and those in folders `apart`."""
    left_out = {os.path.realpath(each) for each in apart}
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and os.path.realpath(os.path.join(place, name)) not in left_out
        )
        for name in sorted(names):
            path = Path(place) / name
            if not name.startswith(".") and path.is_file():
                yield path


def _state_of(path: Path, folder: Path) -> str:
    within = path.relative_to(folder)
    named_by = (*reversed(within.parts[:-1]), path.stem, folder.resolve().name)
    return next(filter(None, map(state_name, named_by)), UNNAMED)


def _card(path: Path, folder: Path, remarks: list[Remark]) -> list[str]:
    """Captions in the text file beside a recording."""
    for card in (path.with_suffix(".txt"), path.with_name(f"{path.name}.txt")):
        if card.is_file():
            text = _text(card, folder, remarks)
            return [caption for line in text.splitlines() if (caption := _caption(line))]
    return []


def _read_table(
    table: Path, folder: Path, told: dict[Path, list[str]], remarks: list[Remark]
) -> None:
    text = _text(table, folder, remarks)
    rows: list[tuple[str, object]] = []
    if table.suffix == ".tsv":
        lines = [line.split("\t") for line in text.splitlines() if line.strip()]
        rows = [(cells[0].strip(), cells[-1]) for cells in lines if len(cells) > 1]
        if len(rows) < len(lines):
            what = f"{len(lines) - len(rows)} lines have no tab between file and caption"
            remarks.append(Remark(table.relative_to(folder).as_posix(), what))
        rows = [row for row in rows if row[0].lower() != "file"]
    elif text:
        try:
            loaded = json.loads(text)
        except (ValueError, RecursionError) as error:
            what = f"is not JSON ({error}); its captions are left out"
            remarks.append(Remark(table.relative_to(folder).as_posix(), what))
            return
        rows = list(loaded.items()) if isinstance(loaded, dict) else []
        if not rows:
            what = 'holds no captions; write {"dawn.wav": "birds singing"}'
            remarks.append(Remark(table.relative_to(folder).as_posix(), what))
    for name, captions in rows:
        listed = captions if isinstance(captions, list) else [captions]
        said = [caption for text in listed if (caption := _caption(str(text)))]
        if said and "\0" not in name:
            path = Path(os.path.normpath(table.parent / name))
            told.setdefault(path, []).extend(said)


def _text(path: Path, folder: Path, remarks: list[Remark]) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        kind = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else "cannot be read"
        what = f"{kind}; its captions are left out"
        remarks.append(Remark(path.relative_to(folder).as_posix(), what))
        return ""


def _caption(line: str) -> str:
    """One caption on one line, cut to what the tokenizers can take."""
    printable = "".join(c if c.isprintable() else " " for c in line)
    return " ".join(printable.split())[:LONGEST_CAPTION].rstrip()
