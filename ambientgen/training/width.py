"""How wide a model's stereo is: `python -m ambientgen.training.width MODEL`.

Prints, as a table in Markdown, the correlation of left and right and what mono loses, for single
sounds at several widths. `ambientgen.noise.common_of` was chosen by it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from ambientgen.ear.space import Width
from ambientgen.renderer import Renderer
from ambientgen.scene import parse_scene

WIDTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
STATES = ("rain", "wind", "stream", "waves", "fire", "birds", "crickets", "thunder", "crowd")
LEVEL, SECONDS, SEED = 0.6, 16.0, 11


@dataclass(frozen=True)
class Measured:
    """One sound at one width: correlation of left and right, and what mono loses in dB."""

    state: str
    width: float
    correlation: float
    fold_down_db: float


def measured(
    renderer: Renderer, model: str, state: str, width: float, seconds: float = SECONDS
) -> Measured:
    """Render one sound in stereo and measure it."""
    text = "\n".join(
        (
            f"duration: {seconds:g}s",
            f"seed: {SEED}",
            f"model: {json.dumps(model)}",
            f"states: {{{state}: {{curve: {LEVEL:g}}}}}",
            f"output: {{layout: stereo, width: {width:g}, bits: 32f}}",
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "width.wav")
        renderer.render(parse_scene(text, "width.yaml"), path)
        heard = Width()
        for block in soundfile.blocks(path, 1 << 16, always_2d=True):
            heard.hear(block)
    return Measured(state, width, heard.correlation or 0.0, heard.fold_down_db or 0.0)


def table(found: Sequence[Measured]) -> Iterator[str]:
    """Lines of Markdown: a row for each sound, a column for each width."""
    widths = sorted({each.width for each in found})
    yield f"| correlation, fold-down | {' | '.join(f'width {w:g}' for w in widths)} |"
    yield "|---" * (len(widths) + 1) + "|"
    for state in dict.fromkeys(each.state for each in found):
        row = {each.width: each for each in found if each.state == state}
        cells = (f"{row[w].correlation:.2f}, {row[w].fold_down_db:.2f} dB" for w in widths)
        yield f"| {state} | {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Render, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m ambientgen.training.width")
    parser.add_argument("model", nargs="?", default="pocket", help="a model's name or folder")
    parser.add_argument("--states", nargs="+", default=STATES, metavar="STATE")
    parser.add_argument("--widths", nargs="+", type=float, default=WIDTHS, metavar="WIDTH")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args(arguments)
    renderer = Renderer(workers=1)
    found = [
        measured(renderer, given.model, state, width, given.seconds)
        for state in given.states
        for width in given.widths
    ]
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
