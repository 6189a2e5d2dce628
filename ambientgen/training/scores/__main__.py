"""`python -m ambientgen.training.scores MODEL SCORE …`: print tables, and write them."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from ambientgen.cores import usable_cores
from ambientgen.models.registry import resolve
from ambientgen.renderer import Renderer
from ambientgen.synth import TEXTURES
from ambientgen.training.scores import (
    ablate,
    classes,
    curves,
    judge,
    mixtures,
    motion,
    natural,
    smooth,
    speed,
    steps,
    timing,
    variants,
)
from ambientgen.training.scores.bench import FULL, QUICK, Bench, Takes
from ambientgen.training.scores.hearing import portrait_wishes
from ambientgen.training.scores.report import Table
from ambientgen.training.scores.teacher import Teacher
from ambientgen.training.scripts import run_script

RENDERERS: dict[str, Callable[[], Renderer]] = {
    "scene": variants.Throughout,
    "none": lambda: variants.Altering(variants.textless),
    "keyframe": lambda: variants.Altering(variants.wordy),
}


class Scorer:
    """The scores by name; the judge is trained when the first score needs it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.scores: dict[str, Callable[[], list[Table]]] = {
            "curves": lambda: [curves.score(bench), curves.silence(bench)],
            "timing": lambda: timing.score(bench),
            "classes": lambda: classes.score(bench, self._judge),
            "motion": lambda: [motion.score(bench)],
            "natural": lambda: [natural.score(bench), *self._real()],
            "smooth": lambda: smooth.score(bench),
            "mixtures": lambda: mixtures.score(bench),
            "speed": lambda: [speed.score(bench)],
            "steps": lambda: [steps.score(bench)],
            "ablate": lambda: ablate.score(bench, self._judge),
        }

    @cached_property
    def _judge(self) -> judge.Judge:
        return judge.train(self._bench)

    def _real(self) -> list[Table]:
        folder = self._bench.recordings
        return [] if folder is None else [natural.real(self._bench, folder)]

    def tables(self, wanted: Sequence[str]) -> Iterator[Table]:
        """The tables of the scores called `wanted`, as they are ready."""
        bench = self._bench
        bench.teacher.prepare(w for s in bench.states for w in portrait_wishes(s))
        for name in wanted:
            yield from self.scores[name]()


NAMES = (
    "curves",
    "timing",
    "classes",
    "motion",
    "natural",
    "smooth",
    "mixtures",
    "speed",
    "steps",
    "ablate",
)


@contextmanager
def bench_for(asked: argparse.Namespace) -> Iterator[Bench]:
    """What the scores work with, its sounds in a temporary folder (the teacher's in `--keep`)."""
    spec = resolve(asked.model)
    known = [s for s in spec.states or TEXTURES if s in TEXTURES]
    render = {"interpolation": asked.interpolation, "steps": asked.steps}
    options = {key: value for key, value in render.items() if value is not None}
    with tempfile.TemporaryDirectory(prefix="ambientgen-scores-") as folder:
        renders = Path(folder) / "renders"
        takes = Takes(RENDERERS[asked.text](), asked.model, renders, **options)
        yield Bench(
            takes,
            Teacher(asked.keep or Path(folder), usable_cores()),
            tuple(asked.states or known),
            QUICK if asked.quick else FULL,
            spec.gain_db,
            asked.recordings,
        )


def _steps(text: str) -> int:
    """A number of steps. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on; write 4, say")
    return int(text)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ambientgen.training.scores")
    parser.add_argument("model", nargs="?", default="pocket", help="a model's name or folder")
    parser.add_argument("scores", nargs="*", help=f"all, or some of {', '.join(NAMES)} (curves)")
    parser.add_argument("--quick", action="store_true", help="few takes: a look, no verdict")
    parser.add_argument("--states", nargs="+", metavar="STATE", choices=sorted(TEXTURES))
    parser.add_argument("--recordings", type=Path, metavar="FOLDER", help="named as rain_01.flac")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="for scores.json and scores.md (all: scores)"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for procedural takes")
    parser.add_argument("--steps", type=_steps, metavar="N")
    parser.add_argument("--interpolation", choices=["linear", "spherical"])
    parser.add_argument("--text", choices=sorted(RENDERERS), default="scene")
    return parser


def write(tables: Sequence[Table], model: str, folder: Path) -> None:
    """`scores.json` and `scores.md` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {"model": model, "scores": {table.key: table.to_json() for table in tables}}
    (folder / "scores.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    text = "\n".join(table.markdown() for table in tables)
    (folder / "scores.md").write_text(f"# Scores of {model}\n\n{text}", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables asked for, each as soon as it is measured."""
    parser = _arguments()
    asked = parser.parse_args(arguments)
    wanted = list(dict.fromkeys(asked.scores or ["curves"]))
    if unknown := set(wanted) - {*NAMES, "all"}:
        parser.error(
            f"there is no score {', '.join(sorted(unknown))}; choose all or some of {NAMES}"
        )
    if asked.recordings is not None and not asked.recordings.is_dir():
        parser.error(f"--recordings {asked.recordings}: there is no such folder")
    out: Path | None = asked.out
    if "all" in wanted:
        wanted, out = list(NAMES), out or Path("scores")
    with bench_for(asked) as bench:
        tables = []
        for table in Scorer(bench).tables(wanted):
            tables.append(table)
            print(table.markdown(), flush=True)
            if out is not None:
                write(tables, asked.model, out)


if __name__ == "__main__":
    run_script(main)
