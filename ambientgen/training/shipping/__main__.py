"""`python -m ambientgen.training.shipping MEASURE …`: print tables, and put them into the docs."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ambientgen.models.registry import resolve
from ambientgen.training.pages import fill
from ambientgen.training.scores.report import Table
from ambientgen.training.shipping.bench import Bench
from ambientgen.training.shipping.direction import direction
from ambientgen.training.shipping.joints import joints
from ambientgen.training.shipping.loudness import loudness, peaks
from ambientgen.training.shipping.outputs import outputs
from ambientgen.training.shipping.programs import missing, versions
from ambientgen.training.shipping.stems import stems
from ambientgen.training.shipping.width import width

MEASURES: dict[str, Callable[[Bench], Iterator[Table]]] = {
    "loudness": loudness,
    "peaks": peaks,
    "outputs": outputs,
    "joints": joints,
    "stems": stems,
    "width": width,
    "direction": direction,
}


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ambientgen.training.shipping")
    parser.add_argument("measures", nargs="*", help=f"some of {', '.join(MEASURES)} (all)")
    parser.add_argument("--model", default="pocket", help="a model's name or folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="written after each measure")
    parser.add_argument("--docs", type=Path, metavar="FOLDER", help="pages to put the tables into")
    return parser


def told(tables: Sequence[Table], about: str) -> str:
    """A measure's tables in Markdown, under what they were taken with."""
    return "\n".join([f"{about}\n", *(table.markdown() for table in tables)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Take the measures asked for, and print each as soon as it is there."""
    parser = _arguments()
    asked = parser.parse_args(arguments)
    wanted = list(dict.fromkeys(asked.measures or MEASURES))
    if unknown := set(wanted) - MEASURES.keys():
        names = ", ".join(MEASURES)
        parser.error(f"there is no measure {', '.join(sorted(unknown))}; choose some of {names}")
    if lacking := missing():
        parser.error(f"{', '.join(lacking)} must be installed: it is other programs that judge")
    spec, programs = resolve(asked.model), versions()
    by = ", ".join(f"{name} {version}" for name, version in programs.items())
    about = f"Taken of {spec.name}, revision {spec.revision or 'unknown'}, with {by}."
    found: dict[str, object] = {}
    for name in wanted:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="ambientgen-shipping-") as folder:
            tables = list(MEASURES[name](Bench(asked.model, Path(folder))))
        text = told(tables, about)
        print(text, flush=True)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        found |= {table.key: table.to_json() for table in tables}
        if asked.json is not None:
            values = {"model": spec.name, "revision": spec.revision, "programs": programs}
            asked.json.write_text(json.dumps(values | {"tables": found}, indent=2) + "\n")
        if asked.docs is not None:
            fill(asked.docs, {name: text})


if __name__ == "__main__":
    main()
