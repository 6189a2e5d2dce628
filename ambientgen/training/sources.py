"""A user's folder: which files are recordings, and what each of them is called in words.

A recording has captions, or belongs to a state. Captions stand in a text file of its name
(`dawn.wav`, `dawn.txt`: one on each line), or in `captions.tsv` or `captions.json` of any folder
above it. Without any, the folder it lies in names its state, or the file's own name does.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ambientgen.errors import Problem, UsageError
from ambientgen.scene.catalogue import KNOWN

OPTION = "--data"
TABLES = ("captions.tsv", "captions.json")
CAPTIONED = frozenset((".txt", ".tsv", ".json", ".csv"))  # may be meant as captions
CARDS = CAPTIONED | {".md"}  # no sound is in these
HOLDS_NONE = "holds no captions"
LONGEST_CAPTION = 200  # characters; some 40 words, beyond what the tokenizers take
LONGEST_NAME = 40  # of a state, as in scenes
UNNAMED = "place"  # a state whose file and folder have no letter in their names
# Letters that Unicode takes for ones of their own, not for Latin ones with a mark.
SPELLED = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ð": "d", "đ": "d", "ł": "l", "þ": "th"}
)


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
    """`text` as a scene may call a state (`Market Day 2` is market_day, `Möwen` mowen); "" if no
    word is left."""
    spelled = text.lower().translate(SPELLED)
    letters = (c for c in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(c))
    small = re.sub(r"[^a-z0-9]+", "_", "".join(letters))
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
    unspelled: dict[str, dict[str, None]] = {}  # by state, names that would have come first
    files = list(_files(folder, apart, found.remarks))
    for path in files:
        if path.name.lower() in TABLES:
            _read_table(path, folder, told, found.remarks)
    cards = _Cards(files)
    for path in files:
        if path.suffix.lower() in CARDS:
            continue
        if not path.exists():
            found.remarks.append(
                Remark(path.relative_to(folder).as_posix(), "is a link to nothing; skipped")
            )
            continue
        captions = [*told.pop(path, ()), *_card(path, cards, folder, found.remarks)]
        name = path.relative_to(folder).as_posix()
        if captions:
            found.sources.append(Source(path, name, tuple(dict.fromkeys(captions))))
        else:
            state, lost = _state_of(path, folder)
            found.sources.append(Source(path, name, state=state))
            unspelled.setdefault(state, {}).update(dict.fromkeys(lost))
    for path in told:
        remark = Remark(path.relative_to(folder).as_posix(), "has a caption, but is not there")
        found.remarks.append(remark)
    found.remarks += cards.remarks(folder)
    for state, names in unspelled.items():
        others = _and_more(names)
        what = f"has no word in letters from a to z{others}; `{state}` is learnt instead"
        found.remarks += [Remark(first, what) for first in list(names)[:1]]
    if not found.sources:
        remedy = "put sound files into it, or into folders named after their sound"
        raise UsageError(Problem(f"{OPTION} {folder}", "holds no file to learn from", remedy))
    return found


class _Cards:
    """Text files that may hold captions of a recording, and whatever else only looks like it."""

    def __init__(self, files: Sequence[Path]) -> None:
        texts = [path for path in files if path.suffix.lower() == ".txt"]
        # As it is written; else in capital letters or small, as some systems have names.
        self._by_name = {_small(path): path for path in texts} | {path: path for path in texts}
        self._unused = dict.fromkeys(
            path
            for path in files
            if path.suffix.lower() in CAPTIONED and path.name.lower() not in TABLES
        )

    def of(self, recording: Path) -> Path | None:
        """The text file beside a recording, `dawn.txt` or `dawn.wav.txt`; None: there is none."""
        for name in (f"{recording.stem}.txt", f"{recording.name}.txt"):
            wanted = recording.with_name(name)
            card = self._by_name.get(wanted) or self._by_name.get(_small(wanted))
            if card is not None:
                self._unused.pop(card, None)
                return card
        return None

    def remarks(self, folder: Path) -> Iterator[Remark]:
        """One for each ending of files that were no recording's, of which the first is named."""
        what = "gives captions to no recording{}; write them into a text file of the recording's"
        what += " name beside it, or into captions.tsv or captions.json"
        unused: dict[str, list[Path]] = {}
        for path in self._unused:
            unused.setdefault(path.suffix.lower(), []).append(path)
        for paths in unused.values():
            name = paths[0].relative_to(folder).as_posix()
            yield Remark(name, what.format(_and_more(paths)))


def _small(path: Path) -> Path:
    return path.with_name(path.name.lower())


def _and_more(names: Collection[object]) -> str:
    """What follows the first of some names, if there are others."""
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def _files(folder: Path, apart: Sequence[Path], remarks: list[Remark]) -> Iterator[Path]:
    """Regular files and links to nothing, but no hidden ones nor those in folders `apart`.

    Folders that cannot be read, and links to folders, which might lead round in a circle, are left
    out, and told.
    """
    left_out = {os.path.realpath(each) for each in apart}

    def told(place: str, what: str) -> None:
        remarks.append(Remark(f"{Path(place).relative_to(folder).as_posix()}/", what))

    def withheld(error: OSError) -> None:
        told(error.filename, f"cannot be read ({(error.strerror or str(error)).lower()})")

    for place, folders, names in os.walk(folder, onerror=withheld):
        inside = {name: os.path.join(place, name) for name in folders if not name.startswith(".")}
        inside = {n: p for n, p in inside.items() if os.path.realpath(p) not in left_out}
        for linked in sorted(filter(os.path.islink, inside.values())):
            told(linked, "is a link to a folder; put the folder itself there")
        if not os.access(place, os.X_OK):
            told(place, "cannot be entered")
            names, inside = [], {}
        folders[:] = sorted(name for name, each in inside.items() if not os.path.islink(each))
        for name in sorted(names):
            path = Path(place) / name
            lost = path.is_symlink() and not path.exists()
            if not name.startswith(".") and (path.is_file() or lost):
                yield path


def _state_of(path: Path, folder: Path) -> tuple[str, list[str]]:
    """The state a recording belongs to, by the nearest name that makes one, and what names before
    that have words, but in other letters."""
    within = path.relative_to(folder)
    lost: list[str] = []
    for name in (*reversed(within.parts[:-1]), path.stem, folder.resolve().name):
        if state := state_name(name):
            return state, lost
        if any(c.isalpha() and not c.isascii() for c in name):
            lost.append(name)
    return UNNAMED, lost


def _card(path: Path, cards: _Cards, folder: Path, remarks: list[Remark]) -> list[str]:
    """Captions in the text file beside a recording."""
    card = cards.of(path)
    if card is None:
        return []
    text = _text(card, folder, remarks)
    captions = [said for line in (text or "").splitlines() if (said := _caption(line))]
    if text is not None and not captions:
        remarks.append(Remark(card.relative_to(folder).as_posix(), HOLDS_NONE))
    return captions


def _read_table(
    table: Path, folder: Path, told: dict[Path, list[str]], remarks: list[Remark]
) -> None:
    text, own_name = _text(table, folder, remarks), table.relative_to(folder).as_posix()
    if text is None:
        return
    rows, wrong = (_of_cells if table.suffix.lower() == ".tsv" else _of_json)(text)
    remarks += [Remark(own_name, what) for what in wrong]
    for name, captions in rows:
        within = Path(os.path.relpath(table.parent / name, folder))
        if not name.strip() or within == Path() or "\0" in name:
            remarks.append(Remark(own_name, f"has a caption for {name!r}, which is no file's name"))
        elif within.parts[0] == os.pardir:
            remarks.append(Remark(own_name, f"has a caption for {name}, which is not in {folder}"))
        else:
            listed = captions if isinstance(captions, list) else [captions]
            texts = [text for text in listed if isinstance(text, str)]
            if len(texts) < len(listed):
                what = f"has captions for {name} that are no texts in quotes; they are left out"
                remarks.append(Remark(own_name, what))
            said = [caption for text in texts if (caption := _caption(text))]
            if len(said) < len(texts) or not listed:
                remarks.append(Remark(own_name, f"has an empty caption for {name}"))
            if said:
                told.setdefault(folder / within, []).extend(said)


def _of_cells(text: str) -> tuple[list[tuple[str, object]], list[str]]:
    """Files and their captions in lines of cells between tabs, and what is wrong with the table."""
    lines = [line.split("\t") for line in text.splitlines() if line.strip()]
    # Spreadsheets end lines with empty cells: the caption is the last that says something.
    rows: list[tuple[str, object]] = [
        (cells[0].strip(), next(filter(str.strip, reversed(cells[1:])), ""))
        for cells in lines
        if len(cells) > 1
    ]
    lacking = len(lines) - len(rows)
    rows = [row for row in rows if row[0].lower() != "file"]
    if lacking:
        lines_have = "1 line has" if lacking == 1 else f"{lacking} lines have"
        return rows, [f"{lines_have} no tab between file and caption"]
    return rows, [] if rows else [HOLDS_NONE]


def _of_json(text: str) -> tuple[list[tuple[str, object]], list[str]]:
    """The same of a JSON object."""
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError) as error:
        return [], [f"is not JSON ({error}); its captions are left out"]
    rows = list(loaded.items()) if isinstance(loaded, dict) else []
    return rows, [] if rows else [f'{HOLDS_NONE}; write {{"dawn.wav": "birds singing"}}']


def _text(path: Path, folder: Path, remarks: list[Remark]) -> str | None:
    """What stands in a file; None, and a remark, if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        kind = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else "cannot be read"
        what = f"{kind}; its captions are left out"
        remarks.append(Remark(path.relative_to(folder).as_posix(), what))
        return None


def _caption(line: str) -> str:
    """One caption on one line, cut to what the tokenizers can take."""
    printable = "".join(c if c.isprintable() else " " for c in line)
    return " ".join(printable.split())[:LONGEST_CAPTION].rstrip()
