"""How near procedural textures come to recordings, by texture statistics, class by class.

    python -m ambientgen.training.realness RECORDINGS_FOLDER

The folder holds an `INDEX.tsv` with columns `file` and `class`. For every recording of a class that
`synth` knows, takes of random kinds, identities and intensities are compared with it.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ambientgen.ear.texture import TextureStats, distance, stats
from ambientgen.synth import TEXTURES
from ambientgen.synth.signals import RATE
from ambientgen.training.scripts import run_script

# Names under which collections file what the scene catalogue calls otherwise.
CLASSES = {"crickets_night": "crickets"}
TAKE_S = 10.24
FAINTEST = 0.3  # fainter textures are too sparse for statistics of ten seconds


@dataclass(frozen=True)
class Realness:
    """Distances of procedural takes to one recording of their class."""

    name: str
    recording: str
    best: float
    median: float


def takes(name: str, count: int) -> list[TextureStats]:
    """Statistics of `count` takes of texture `name`, its kinds by turns."""
    texture = TEXTURES[name]
    kinds = list(texture.kinds)
    found = []
    for seed in range(count):
        rng = np.random.default_rng([seed, 7])
        curve = np.full(int(TAKE_S * RATE), rng.uniform(FAINTEST, 1))
        found.append(stats(texture(curve, rng, kinds[seed % len(kinds)]), RATE))
    return found


def judge(folder: Path, count: int) -> Iterator[Realness]:
    """Every recording of `folder` whose class has a texture, against `count` takes of it.

    Raises:
        OSError: the index or a recording cannot be read.
    """
    import soundfile  # an import that only this command needs

    with (folder / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
        rows = list(csv.DictReader(index, delimiter="\t"))
    made: dict[str, list[TextureStats]] = {}
    for row in rows:
        name = CLASSES.get(row["class"], row["class"])
        if name not in TEXTURES:
            continue
        if name not in made:
            made[name] = takes(name, count)
        audio, rate = soundfile.read(folder / row["file"], always_2d=True)
        real = stats(audio.mean(axis=1), rate)
        apart = [distance(take, real) for take in made[name]]
        yield Realness(name, row["file"], min(apart), float(np.median(apart)))


def main() -> None:
    """Print one line a recording: class, file, best and median distance."""
    parser = argparse.ArgumentParser(description="Distance of procedural textures to recordings.")
    parser.add_argument("recordings", type=Path, metavar="RECORDINGS_FOLDER")
    parser.add_argument("--takes", type=int, default=12, help="procedural takes of each class")
    options = parser.parse_args()
    for line in judge(options.recordings, options.takes):
        print(f"{line.name:10} {line.recording:26} {line.best:6.2f} {line.median:6.2f}", flush=True)


if __name__ == "__main__":
    run_script(main)
