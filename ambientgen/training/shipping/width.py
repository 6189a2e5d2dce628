"""How wide stereo is: the correlation of left and right, and what mono loses, by SoX.

`ambientgen.noise.common_of` was chosen by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ambientgen.scene import Scene
from ambientgen.training.scores.report import Figure, Row, Table
from ambientgen.training.shipping.bench import Bench
from ambientgen.training.shipping.programs import sox_amplitudes

WIDTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
STATES = ("rain", "wind", "stream", "waves", "fire", "birds", "crickets", "thunder", "crowd")
SYNTHESISED = ("rain", "wind", "stream", "fire", "crickets", "birds")
LEVEL, SECONDS, SEED = 0.6, 16.0, 11
DEFAULT_WIDTH = 0.5
LEAST_LOSS_DB, MOST_LOSS_DB = 1.0, 3.2  # mono may lose less at the default width, so much at 1
_TINY = 1e-9

_SCENE = """\
duration: {seconds:g}s
seed: {seed}
layers:
  sound:
    engine: {engine}
    width: {width:g}
    states: {{{state}: {{curve: {level:g}}}}}
output: {{layout: stereo, bits: 32f}}
"""


@dataclass(frozen=True)
class Measured:
    """One sound at one width: correlation of left and right, and what mono loses in dB."""

    state: str
    width: float
    correlation: float
    fold_down_db: float

    @property
    def holds(self) -> bool:
        """Whether mono loses no more than it may at this width."""
        most_db = LEAST_LOSS_DB if self.width <= DEFAULT_WIDTH else MOST_LOSS_DB
        return self.fold_down_db <= most_db


def width(
    bench: Bench,
    widths: Sequence[float] = WIDTHS,
    states: Sequence[str] = STATES,
    synthesised: Sequence[str] = SYNTHESISED,
) -> Iterator[Table]:
    """A table of the model's sounds, and one of synthesised ones."""
    goal = (
        f"{SECONDS:g} s of each at a level of {LEVEL:g}: correlation of left and right, and what "
        f"half their sum is below them. At most {LEAST_LOSS_DB:g} dB up to the default width of "
        f"{DEFAULT_WIDTH:g}, {MOST_LOSS_DB:g} dB at 1."
    )
    for key, title, engine, names in (
        ("width", "Correlation and fold-down by width: the model", "model", states),
        ("width, procedural", "The same of synthesised layers", "procedural", synthesised),
    ):
        yield Table(key, title, goal, [_row(bench, engine, name, widths) for name in names])


def measured(
    bench: Bench, state: str, width: float, engine: str = "model", seconds: float = SECONDS
) -> Measured:
    """Render one sound in stereo and measure it."""
    take = bench.take(scene_of(bench, state, width, engine, seconds), "width.wav")
    correlation, fold_down_db = folded(take.path)
    return Measured(state, width, correlation, fold_down_db)


def scene_of(bench: Bench, state: str, width: float, engine: str, seconds: float) -> Scene:
    """What is rendered: one layer with one sound."""
    text = _SCENE.format(
        seconds=seconds, seed=SEED, engine=engine, width=width, state=state, level=LEVEL
    )
    return bench.scene(text, "width")


def folded(path: Path) -> tuple[float, float]:
    """Correlation of a stereo file's channels, and how far half their sum is below them, in dB.

    From three RMS values, as SoX takes them: of the sum's power 2 ρ l r is what is in common.
    """
    left, _ = sox_amplitudes(path, "remix", "1")
    right, _ = sox_amplitudes(path, "remix", "2")
    half, _ = sox_amplitudes(path, "remix", "-m", "1v0.5,2v0.5")
    correlation = (4 * half**2 - left**2 - right**2) / (2 * left * right + _TINY**2)
    mean = (left**2 + right**2) / 2
    return correlation, float(-10 * np.log10((half**2 + _TINY**2) / (mean + _TINY**2)))


def _row(bench: Bench, engine: str, state: str, widths: Sequence[float]) -> Row:
    found = [measured(bench, state, each, engine) for each in widths]
    figures: dict[str, Figure] = {
        f"width {each.width:g}": f"{_plain(each.correlation)}, {_plain(each.fold_down_db)} dB"
        for each in found
    }
    return Row(state, figures, all(each.holds for each in found))


def _plain(value: float) -> str:
    """Two digits, and no minus before 0."""
    return f"{value:.2f}".replace("-0.00", "0.00")
