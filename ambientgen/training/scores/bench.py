"""What every score works with: the model's takes, the teacher's, and how much effort to spend."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ambientgen.models.registry import renders_apart
from ambientgen.renderer import Renderer
from ambientgen.scene import parse_scene
from ambientgen.training.scores.teacher import FIRST_SEED, Audio, Teacher

# Places in words that training knows, put together as no caption of it does (a test holds this):
# captions must be new, but not outside the vocabulary.
SETTINGS = (
    "a quiet harbour at dawn",
    "a wide meadow in winter",
    "a village at dusk",
    "a park in the morning",
    "a farm by the sea",
    "a garden above a lake",
    "a field in the country",
    "a quiet farm at night",
)


@dataclass(frozen=True)
class Effort:
    """How much is rendered: takes of each sweep and of each single level, how many mixtures, how
    many states where a score looks at some only, and clips of each state for the judge."""

    sweeps: int = 8
    takes: int = 2
    pairs: int = 30
    triples: int = 4
    states: int = 5
    judge_clips: int = 160


FULL = Effort()
QUICK = Effort(sweeps=1, takes=1, pairs=6, triples=1, states=2, judge_clips=12)


def held(level: float) -> str:
    """The fields of a state at one level."""
    return f"{{curve: {level:g}}}"


def moving(points: Mapping[float, float]) -> str:
    """The fields of a state along points (s -> level), straight between them."""
    return f"{{curve: {{{', '.join(f'{at:g}s: {level:g}' for at, level in points.items())}}}}}"


class Takes:
    """Renders of one model by one renderer, each made once: scores share them."""

    def __init__(self, renderer: Renderer, model: str, folder: Path, **options: Any) -> None:
        """`options` are the scenes' `render` mapping, such as `steps=8`."""
        self.renderer, self.model_name, self._folder = renderer, model, folder
        self.options = options
        folder.mkdir(parents=True, exist_ok=True)

    def with_options(self, **options: Any) -> Takes:
        """The same with these render options, beside those that it has."""
        return Takes(self.renderer, self.model_name, self._folder, **{**self.options, **options})

    def still(self) -> Takes:
        """The same without swells: LOA is held where a scene's levels are, and the slow part of the
        noise is taken out."""
        return self.with_options(swells=0)

    def with_renderer(self, renderer: Renderer) -> Takes:
        """The same scenes through another renderer: its takes lie in a folder of their own."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        return Takes(renderer, self.model_name, folder, **self.options)

    def take(
        self,
        states: Mapping[str, str],
        seconds: float,
        seed: int = FIRST_SEED,
        apart: bool | None = None,
    ) -> Audio:
        """Samples (n,) of a scene of `states` (name -> its fields in YAML), at 16 kHz.

        apart: whether each is rendered by itself, or all in one mixture; None: as a render of the
        model does it.
        """
        lines = [
            f"duration: {seconds:g}s",
            f"seed: {seed}",
            f"setting: {SETTINGS[seed % len(SETTINGS)]}",
            f"model: {json.dumps(self.model_name)}",
            *([f"render: {json.dumps(self.options)}"] if self.options else []),
            *([] if apart is None else [f"apart: {str(apart).lower()}"]),
            "states:",
            *(f"  {name}: {fields}" for name, fields in states.items()),
        ]
        text = "\n".join(lines) + "\n"
        path = self._folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.wav"
        if not path.exists():
            scene = parse_scene(text, "score.yaml", apart=renders_apart)
            self.renderer.render(scene, path)
        samples, _ = soundfile.read(path)
        return np.asarray(samples, np.float64)


@dataclass(frozen=True)
class Bench:
    """All that a score is given. `states` are those to be scored, `gain_db` the model's output gain
    (the corpus' microphone noise is heard through it)."""

    takes: Takes
    teacher: Teacher
    states: tuple[str, ...]
    effort: Effort
    gain_db: float
    recordings: Path | None = None

    def seeds(self, count: int) -> range:
        """Seeds that training never draws."""
        return range(FIRST_SEED, FIRST_SEED + count)

    def some(self) -> tuple[str, ...]:
        """A few states, spread evenly over all of them."""
        count = min(self.effort.states, len(self.states))
        return tuple(self.states[i * len(self.states) // count] for i in range(count))
