"""`python -m ambientgen.training.seams MODEL`: compare ways of joining, and judge loops.

Figures are printed at the end, and written into `--json FILE` after each take; what the file holds
of the same model and options is not measured again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from ambientgen.models.fingerprint import fingerprint
from ambientgen.models.registry import renders_apart, resolve
from ambientgen.renderer import Renderer
from ambientgen.scene import Scene, parse_scene
from ambientgen.scene.scene import MIXTURE
from ambientgen.scene.shipped import scenes_folder, shipped_scenes
from ambientgen.training.scores.report import Table
from ambientgen.training.scripts import run_script
from ambientgen.training.seams import loops, tables
from ambientgen.training.seams.files import Whole, whole
from ambientgen.training.seams.judging import Joins, judged, sounded
from ambientgen.training.seams.loops import Joint
from ambientgen.training.seams.takes import FloatArray, busiest, taken
from ambientgen.training.seams.ways import SHIPPED, WAYS, Way
from ambientgen.workers import Workers

PARTS = ("joins", "files", "loops")


@dataclass(frozen=True)
class Asked:
    """What is to be measured: scenes by name (`files`: as they ship), seeds, seconds of each, ways,
    lengths of loops."""

    model: str
    scenes: dict[str, Scene]
    files: dict[str, Scene]
    seeds: range
    seconds: float
    ways: tuple[Way, ...]
    loop_seeds: range
    lengths_s: tuple[float, ...]


@dataclass
class Found:
    """What was measured, and where it is kept (None: nowhere). `key` names model and options."""

    key: dict[str, Any]
    path: Path | None
    joins: list[Joins] = field(default_factory=list)
    files: list[Whole] = field(default_factory=list)
    joints: list[Joint] = field(default_factory=list)

    def recall(self) -> None:
        """Take what an earlier run with the same key left in the file."""
        if self.path is None or not self.path.exists():
            return
        kept = json.loads(self.path.read_text(encoding="utf-8"))
        if kept.get("key") == self.key:
            self.joins = [Joins(**each) for each in kept["joins"]]
            self.files = [Whole(**each) for each in kept.get("files", [])]
            self.joints = [Joint(**each) for each in kept["joints"]]

    def tables(self) -> list[Table]:
        """All of it, pooled."""
        return tables.tables(self.joins, self.files, self.joints)

    def keep(self) -> None:
        """Write the file anew, whole or not at all."""
        if self.path is None:
            return
        values = {
            "key": self.key,
            "tables": {table.key: table.to_json() for table in self.tables()},
            "joins": [vars(each) for each in self.joins],
            "files": [vars(each) for each in self.files],
            "joints": [vars(each) for each in self.joints],
        }
        part = self.path.with_name(self.path.name + ".part")
        part.write_text(json.dumps(values) + "\n", encoding="utf-8")
        os.replace(part, self.path)


def compare(asked: Asked, renderer: Renderer, workers: Workers, found: Found) -> Iterator[str]:
    """Measure the joins of each take in each way; tells of each take, once it is kept."""
    done = {(each.way, each.scene, each.seed) for each in found.joins}
    for seed in asked.seeds:
        for name, shipped in asked.scenes.items():
            ways = [way for way in asked.ways if (way.name, name, seed) not in done]
            if ways:
                scene = replace(shipped, model=asked.model).with_seed(seed)
                found.joins += _take(asked, scene, name, ways, (renderer, workers))
                found.keep()
                yield f"joins of {name}, seed {seed}"


def _take(
    asked: Asked, scene: Scene, name: str, ways: Sequence[Way], how: tuple[Renderer, Workers]
) -> list[Joins]:
    """One scene and seed in each way: windows are made once for all ways that share them."""
    renderer, workers = how
    between_s = busiest(scene, renderer.model(scene.model), asked.seconds)
    takes = {
        cut: taken(renderer, scene, between_s, workers, *cut)
        for cut in dict.fromkeys(way.cut for way in ways)
    }
    made: dict[Any, list[FloatArray]] = {}
    for way in ways:
        if way.source not in made:
            made[way.source] = way.make(takes[way.cut])
    heard = [(way, sounded(takes[way.cut], way, made[way.source])) for way in ways]
    told = workers.map(
        lambda pair: judged(takes[pair[0].cut], pair[0], name, made[pair[0].source], pair[1]),
        heard,
    )
    return [each for listed in told for each in listed]


def render_all(asked: Asked, renderer: Renderer, _: Workers, found: Found) -> Iterator[str]:
    """Judge whole files, as they ship; tells of each."""
    done = {(each.scene, each.seed) for each in found.files}
    with tempfile.TemporaryDirectory(prefix="ambientgen-files-") as folder:
        for seed in asked.seeds:
            for name, shipped in asked.files.items():
                if (name, seed) not in done:
                    scene = shipped.with_seed(seed)
                    found.files.append(whole(renderer, scene, name, Path(folder)))
                    found.keep()
                    yield f"all of {name}, seed {seed}"


def go_round(asked: Asked, renderer: Renderer, workers: Workers, found: Found) -> Iterator[str]:
    """Judge loops of all lengths, and some that are none; tells of each seed."""
    done = {(each.seed, each.length_s, each.made) for each in found.joints}
    names = list(asked.scenes)
    if not names:
        return
    wanted = [(length_s, True) for length_s in asked.lengths_s]
    wanted += [(s, False) for s in loops.CONTROL_S if s in asked.lengths_s]
    with tempfile.TemporaryDirectory(prefix="ambientgen-loops-") as folder:
        for seed in asked.loop_seeds:
            name = names[seed % len(names)]
            scene = replace(asked.scenes[name], model=asked.model).with_seed(seed)
            missing = [each for each in wanted if (seed, *each) not in done]
            if missing:
                joint = partial(loops.joint, renderer, scene, name, Path(folder))
                found.joints += workers.map(joint, missing)
                found.keep()
                yield f"loops of {name}, seed {seed}"


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ambientgen.training.seams")
    parser.add_argument("model", nargs="?", default="pocket", help="a model's name or folder")
    shipped = [each.name for each in shipped_scenes()]
    parser.add_argument("--scenes", nargs="+", metavar="SCENE", choices=shipped, default=shipped)
    alone = "joins and loops of each layer by itself, not of scenes in one mixture"
    parser.add_argument("--alone", action="store_true", help=alone)
    parser.add_argument("--seeds", type=int, help="of each scene (3)")
    parser.add_argument("--first-seed", type=int, default=1, help="of these (1)")
    parser.add_argument("--seconds", type=float, help="of each scene: the busiest stretch (60)")
    names = [way.name for way in WAYS]
    parser.add_argument("--variants", nargs="+", metavar="WAY", choices=names, default=names)
    parser.add_argument("--loop-seeds", type=int, help="of loops of each length (30)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="few takes: a look, no verdict")
    parser.add_argument("--workers", type=int, help="threads (as many as cores)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="kept after each take")
    return parser


def mixtures() -> dict[str, Scene]:
    """The shipped scenes of states, by name: all in one mixture, whatever a render makes of them.
    So each is told of by prompts of several states, and moves with all of them."""
    scenes = {each.name: parse_scene(each.text, each.name) for each in shipped_scenes()}
    return {name: scene for name, scene in scenes.items() if scene.states}


def as_shipped(model: str) -> dict[str, Scene]:
    """All shipped scenes as `model` renders them, by name."""
    folder, with_model = scenes_folder(), (f"model={json.dumps(model)}",)
    return {
        each.name: parse_scene(
            each.text, str(folder / f"{each.name}.yaml"), with_model, renders_apart
        )
        for each in shipped_scenes()
    }


def made_alone(model: str) -> dict[str, Scene]:
    """What `model` makes of the shipped scenes, by scene and layer: each layer of its own by
    itself, since under the others its joins are harder to hear, or the mixture that a scene is.
    Loops have one turn here."""
    found = {}
    for name, scene in as_shipped(model).items():
        for sound in scene.sounds:
            if sound.engine == "model" and sound.states:
                own = name if sound.name == MIXTURE else f"{name}.{sound.name}"
                found[own] = replace(scene.mixture_of(sound), loop=False)
    return found


def wishes(options: argparse.Namespace) -> Asked:
    """The command line as a wish; `--quick` gives fewer takes where it does not say how many."""
    seeds, seconds, loop_seeds = (1, 40.0, 2) if options.quick else (3, 60.0, 30)
    seeds = seeds if options.seeds is None else options.seeds
    loop_seeds = loop_seeds if options.loop_seeds is None else options.loop_seeds
    scenes = {
        name: scene
        for name, scene in (made_alone(options.model) if options.alone else mixtures()).items()
        if name.partition(".")[0] in options.scenes
    }
    files = as_shipped(options.model)
    files = {name: scene for name, scene in files.items() if name in options.scenes}
    if options.quick:
        scenes = dict(list(scenes.items())[:3])
        files = dict(list(files.items())[:3])
    return Asked(
        options.model,
        scenes,
        files,
        range(options.first_seed, options.first_seed + seeds),
        seconds if options.seconds is None else options.seconds,
        tuple(way for way in WAYS if way.name in options.variants),
        range(loop_seeds),
        loops.LENGTHS_S[1:4] if options.quick else loops.LENGTHS_S,
    )


def _mark(scene: Scene) -> str:
    """A name for all that a scene says."""
    return hashlib.sha256(json.dumps(scene.to_json()).encode()).hexdigest()[:12]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables and the verdict."""
    options = _arguments().parse_args(arguments)
    asked = wishes(options)
    spec = resolve(asked.model)
    key = {
        "model": spec.name,
        "revision": spec.revision,
        "fingerprint": fingerprint(spec.folder),
        "seconds": asked.seconds,
        "scenes": {name: _mark(scene) for name, scene in asked.scenes.items()},
        "files": {name: _mark(scene) for name, scene in asked.files.items()},
        "loops": loops.MANNER,
    }
    found = Found(key, options.json)
    found.recall()
    renderer = Renderer("cpu", workers=1)
    renderer.model(asked.model)
    with Workers(options.workers) as workers:
        measures = {"joins": compare, "files": render_all, "loops": go_round}
        for part in options.parts:
            for line in measures[part](asked, renderer, workers, found):
                print(line, file=sys.stderr, flush=True)
    print(f"{spec.name}, revision {spec.revision}, {asked.seconds:g} s of each scene\n")
    for table in found.tables():
        print(table.markdown())
    shipped = [each for each in found.joins if each.way == SHIPPED.name]
    words = {True: "joins cannot be told: passes", False: "fails", None: "too few joins to say"}
    if shipped:
        print(f"Verdict on what ships: {words[tables.verdict(shipped)]}")
    if found.files:
        print(f"Verdict on whole files: {words[tables.verdict_on_files(found.files)]}")


if __name__ == "__main__":
    run_script(main)
