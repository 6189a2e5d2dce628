"""Draw how wide pocket's stereo is, and where a turning sound is heard.

python docs/pictures/space.py docs/space.md docs/pictures/space.png

The widths are those of the page's first table of them, which `python -m
ambientgen.training.shipping width --docs docs` put there; the turn is rendered.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import soundfile

import ambientgen
from ambientgen.ear.space import balances
from ambientgen.scene import parse_scene

matplotlib.use("Agg")
from matplotlib import pyplot as plt

TURN = """\
duration: 36s
seed: 4
layers:
  rain:
    states: {rain: {curve: 0.6}}
    direction: {0s: -90, 36s: 90}
    width: 0
output: {layout: stereo, sample_rate: 48000, bits: 32f}
"""


def widths(page: str) -> tuple[list[float], dict[str, list[tuple[float, float]]]]:
    """Widths, and correlation and loss (dB) of each sound at each, from the page's table."""
    table = page[page.index("| width 0 |") :].partition("\n\n")[0].splitlines()
    asked = [float(each) for each in re.findall(r"width ([0-9.]+)", table[0])]
    found = {}
    for line in table[2:]:
        name, *cells = (cell.strip() for cell in line.strip("| ").split("|"))
        numbers = [re.findall(r"-?[0-9.]+", cell) for cell in cells if cell.endswith("dB")]
        found[name] = [(float(rho), float(loss)) for rho, loss in numbers]
    return asked, found


def turned() -> tuple[Any, Any]:
    """Degrees by level and by delay, each (36,), of a sound that turns from left to right."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "turn.wav"
        ambientgen.render(parse_scene(TURN), path)
        heard = balances(*soundfile.read(path))
    return (
        np.array([each.by_level_deg for each in heard]),
        np.array([each.by_delay_deg for each in heard]),
    )


def draw(page: str, picture: str) -> None:
    """Write the picture."""
    asked, found = widths(Path(page).read_text(encoding="utf-8"))
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    for name, row in found.items():
        left.plot(asked, [rho for rho, _ in row], marker="o", markersize=3, label=name)
        middle.plot(asked, [loss for _, loss in row], marker="o", markersize=3)
    fine = np.linspace(0, 1, 100)
    left.plot(fine, np.cos(np.pi / 2 * fine), color="black", linestyle=":", label="cosine")
    left.set(xlabel="width", ylabel="correlation of left and right", ylim=(-0.05, 1.05))
    left.legend(fontsize=7)
    middle.axhline(3.2, color="grey", linewidth=0.8)
    middle.plot([0, 0.5], [1, 1], color="grey", linewidth=0.8)
    middle.set(xlabel="width", ylabel="lost in mono, dB", ylim=(0, 3.4))
    by_level, by_delay = turned()
    times = np.arange(len(by_level)) + 0.5
    right.plot([0, 36], [-90, 90], color="black", linestyle=":", label="asked")
    right.plot(times, by_level, ".", label="heard by level")
    right.plot(times, by_delay, "x", markersize=4, label="heard by delay")
    right.set(xlabel="seconds", ylabel="degrees to the right", yticks=range(-90, 91, 30))
    right.legend(fontsize=7)
    figure.savefig(picture, dpi=90)
    wrong = [np.abs(each - (-90 + 5 * times)) for each in (by_level, by_delay)]
    print(
        f"mean and largest error, degrees: {[(e.mean().round(2), e.max().round(2)) for e in wrong]}"
    )


if __name__ == "__main__":
    draw(*sys.argv[1:3])
