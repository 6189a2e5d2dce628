"""Scores into the docs: of everything in `scores.json`, what a reader compares.

    python -m ambientgen.training.scores.pages scores/scores.json --docs docs

Several files may be named, from runs of some scores or states each: later rows take the place of
earlier ones. Tables stand between comments that name them (`training/pages.py`). Rank correlations,
names and edits that miss are bold.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ambientgen.training.pages import fill
from ambientgen.training.scores.mixtures import TRIPLES
from ambientgen.training.scores.motion import NAMES as SWINGS
from ambientgen.training.scores.thresholds import (
    ENVELOPES_KEPT,
    EVENTS,
    FOLLOWS,
    FOLLOWS_IN_EVENTS,
)
from ambientgen.training.scripts import run_script

Rows = Mapping[str, Mapping[str, Any]]
"""Of one score: by a row's name, its figures."""

Scores = Mapping[str, Rows]
Show = Callable[[str, Any], str]
"""A row's name and a figure of it to a cell."""


def _hundredths(_: str, value: Any) -> str:
    return f"{value:.2f}"


def _tenths(_: str, value: Any) -> str:
    return f"{value:.1f}"


def _said(_: str, value: Any) -> str:
    return str(value or "")


def _following(name: str, value: Any) -> str:
    """Of several states the first follows its curve."""
    least = FOLLOWS_IN_EVENTS if name.partition(",")[0] in EVENTS else FOLLOWS
    return _bold(f"{value:.2f}", value < least)


def _kept(_: str, value: Any) -> str:
    return _bold(f"{value:.2f}", value < ENVELOPES_KEPT)


def _named(_: str, value: Any) -> str:
    right, _of, takes = str(value).split()
    return _bold(str(value), int(right) < int(takes) - 1)


def _bold(text: str, missed: bool) -> str:
    return f"**{text}**" if missed else text


@dataclass(frozen=True)
class Column:
    """A column of a page: its heading, the score and the figure it is of, how that is shown."""

    heading: str
    score: str
    figure: str
    show: Show = _hundredths


CURVES = Column("rank correlation", "curves", "correlation", _following)
SILENT = Column("at 0, dB below full", "silence", "dB below full", _tenths)
NAMED = Column("named", "classes", "named", _named)
STATES = [
    CURVES,
    Column("procedural", "curves", "procedural"),
    SILENT,
    NAMED,
    Column("procedural", "classes", "procedural", _said),
    Column("taken for", "classes", "taken for", _said),
]
CARD = [CURVES, SILENT, NAMED]
MOTION = [
    Column("procedural" if name.startswith("procedural") else name, "motion", figure, _tenths)
    for scale in (*SWINGS[:3], SWINGS[-1])
    for name, figure in ((scale, f"{scale}, dB"), ("procedural", f"procedural, {scale}"))
]
DISTANCES = [
    Column("render to procedural", "natural", "render to procedural"),
    Column("another procedural take", "natural", "procedural to another take"),
    Column("resynthesised", "natural", "procedural to its resynthesis"),
    Column("resynthesised, another take", "natural", "resynthesis to another take"),
    Column("render to real", "real", "render to real"),
    Column("procedural to real", "real", "procedural to real"),
    Column("real to real", "real", "real to real"),
]
MIXTURES = [
    Column("it moves", "mixtures", "moves", _following),
    Column("procedural", "mixtures", "procedural moves"),
    Column("others drift, dB", "mixtures", "others drift, dB", _tenths),
    Column("procedural", "mixtures", "procedural drift, dB", _tenths),
    Column("the others keep, louder", "edits", "louder", _kept),
    Column("on a ramp", "edits", "a ramp", _kept),
    Column("another seed", "edits", "another seed"),
    Column("procedural, louder", "edits", "procedural, louder", _kept),
    Column("on a ramp", "edits", "procedural, a ramp", _kept),
]
ABLATIONS = [
    Column("named", "ablations", "named"),
    Column("both named", "ablations", "both named"),
    Column("follows", "ablations", "follows"),
    Column("swing, dB", "ablations", "swing, dB", _tenths),
    Column("step off by, s", "ablations", "step off by, s"),
    Column("texture distance", "ablations", "texture distance"),
]


def table(scores: Scores, head: str, columns: Sequence[Column], names: Sequence[str]) -> str:
    """A table of the rows called `names` that there are, in Markdown; a dash where nothing was
    measured."""
    lines = [_line([head, *(column.heading for column in columns)]).replace("|  |", "| |", 1)]
    lines.append("|---" * (len(columns) + 1) + "|")
    for name in names:
        found = [scores.get(each.score, {}).get(name, {}).get(each.figure) for each in columns]
        if any(value is not None for value in found):
            cells = [
                "–" if value is None and each.show is not _said else each.show(name, value)
                for each, value in zip(columns, found, strict=True)
            ]
            told = f"{name} (events)" if columns is STATES and name in EVENTS else name
            lines.append(_line([told, *cells]))
    return "\n".join(lines)


def texts(scores: Scores) -> dict[str, str]:
    """The tables of all pages, by the names of their places; those without a row are left out, and
    stay as they are in the docs."""
    states = list(scores.get("curves", {}))
    triples = [name for triple in TRIPLES for name in triple_names(triple)]
    parts = list(scores.get("ablations", {}))
    found = {
        "scores of states": table(scores, "state", STATES, states),
        "scores on the card": table(scores, "state", CARD, states),
        "scores of motion": table(scores, "state", MOTION, states),
        "scores of distances": table(scores, "class", DISTANCES, states),
        "scores of mixtures": table(scores, "three states; the first sweeps", MIXTURES, triples),
        "scores of parts": table(scores, "", ABLATIONS, parts),
    }
    return {place: text for place, text in found.items() if text.count("\n") > 1}


def triple_names(triple: Sequence[str]) -> list[str]:
    """The rows of three states, each of which moves in turn: it comes first."""
    return [", ".join([mover, *(s for s in triple if s != mover)]) for mover in triple]


def read(paths: Sequence[Path]) -> dict[str, dict[str, dict[str, Any]]]:
    """The rows of all scores in some files, by score and name; later ones take earlier ones'
    place. Names are plain: `**rain** beside wind and birds` is `rain, wind, birds`."""
    scores: dict[str, dict[str, dict[str, Any]]] = {}
    for path in paths:
        told = json.loads(path.read_text(encoding="utf-8"))["scores"]
        for key, score in told.items():
            for row in score["rows"]:
                name = str(row["name"]).replace("*", "")
                for word in (" beside ", " and "):
                    name = name.replace(word, ", ") if key in ("mixtures", "edits") else name
                scores.setdefault(key, {})[name] = row
    return scores


def main(arguments: Sequence[str] | None = None) -> None:
    """Put the tables into every page of some folders, and say which pages changed."""
    parser = argparse.ArgumentParser(prog="python -m ambientgen.training.scores.pages")
    parser.add_argument("scores", nargs="+", type=Path, help="scores.json of one run or more")
    parser.add_argument("--docs", nargs="+", type=Path, metavar="FOLDER", required=True)
    asked = parser.parse_args(arguments)
    told = texts(read(asked.scores))
    for folder in asked.docs:
        for page in fill(folder, told):
            print(page)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    run_script(main)
