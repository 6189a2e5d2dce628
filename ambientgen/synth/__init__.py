"""Procedural textures: sounds of the world whose intensity is known exactly.

One module per sound, each a function `(intensity, rng) -> samples`. They are the corpus that pocket
learns from; a render never calls them. `TEXTURES` is the registry: one line per sound, by the names
of the scene catalogue.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ambientgen.synth.birds import birds
from ambientgen.synth.crickets import crickets
from ambientgen.synth.crowd import crowd
from ambientgen.synth.fire import fire
from ambientgen.synth.frogs import frogs
from ambientgen.synth.leaves import leaves
from ambientgen.synth.rain import rain
from ambientgen.synth.signals import Samples
from ambientgen.synth.stream import stream
from ambientgen.synth.thunder import thunder
from ambientgen.synth.traffic import traffic
from ambientgen.synth.waves import waves
from ambientgen.synth.wind import wind

Texture = Callable[[Samples, np.random.Generator], Samples]

TEXTURES: dict[str, Texture] = {
    "rain": rain,
    "wind": wind,
    "waves": waves,
    "stream": stream,
    "fire": fire,
    "thunder": thunder,
    "birds": birds,
    "crickets": crickets,
    "frogs": frogs,
    "leaves": leaves,
    "crowd": crowd,
    "traffic": traffic,
}

__all__ = ["TEXTURES", "Samples", "Texture"]
