"""Procedural textures: sounds of the world whose intensity is known exactly.

One module per sound: a function `(intensity, rng, kind=None) -> samples` and its `KINDS`, the
variants that a caption can name. They are the corpus that pocket learns from, and what procedural
layers are made of (`events.py` has single sounds, `chance.py` what lasts of a long one). `TEXTURES`
is the registry: one line per sound, by the names of the scene catalogue and in its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ambientgen.synth import (
    birds,
    conversation,
    crickets,
    crowd,
    dishes,
    drone,
    fire,
    footsteps,
    frogs,
    leaves,
    music,
    rain,
    room,
    stream,
    thunder,
    traffic,
    train,
    waterfall,
    waves,
    wind,
)
from ambientgen.synth.signals import Samples, choose


class Make(Protocol):
    """A texture's own function."""

    def __call__(
        self, intensity: Samples, rng: np.random.Generator, kind: str | None = None
    ) -> Samples:
        """Samples (n,) at 16 kHz for an intensity 0…1 per sample (n,)."""


@dataclass(frozen=True)
class Texture:
    """A sound of the world: how it is made, and the kinds it comes in (kind -> noun phrase).

    sparse: it is made of single calls, strokes or steps, each with a beginning and an end, that a
    long fade would double and a mixture of everything blurs.
    """

    make: Make
    kinds: Mapping[str, str]
    sparse: bool = False

    @property
    def usual(self) -> str:
        """The kind that a plain name means: the first."""
        return next(iter(self.kinds))

    def __call__(
        self, intensity: Samples, rng: np.random.Generator, kind: str | None = None
    ) -> Samples:
        """Samples (n,) at 16 kHz for an intensity 0…1 per sample (n,); no kind: one from `rng`.

        Raises:
            ValueError: `kind` is none of `kinds`.
        """
        return self.make(intensity, rng, choose(self.kinds, kind, rng))


TEXTURES: dict[str, Texture] = {
    "rain": Texture(rain.rain, rain.KINDS),
    "wind": Texture(wind.wind, wind.KINDS),
    "waves": Texture(waves.waves, waves.KINDS),
    "stream": Texture(stream.stream, stream.KINDS),
    "waterfall": Texture(waterfall.waterfall, waterfall.KINDS),
    "fire": Texture(fire.fire, fire.KINDS),
    "thunder": Texture(thunder.thunder, thunder.KINDS),
    "birds": Texture(birds.birds, birds.KINDS, sparse=True),
    "crickets": Texture(crickets.crickets, crickets.KINDS, sparse=True),
    "frogs": Texture(frogs.frogs, frogs.KINDS, sparse=True),
    "leaves": Texture(leaves.leaves, leaves.KINDS),
    "crowd": Texture(crowd.crowd, crowd.KINDS),
    "conversation": Texture(conversation.conversation, conversation.KINDS, sparse=True),
    "footsteps": Texture(footsteps.footsteps, footsteps.KINDS, sparse=True),
    "traffic": Texture(traffic.traffic, traffic.KINDS),
    "train": Texture(train.train, train.KINDS),
    "room": Texture(room.room, room.KINDS),
    "dishes": Texture(dishes.dishes, dishes.KINDS, sparse=True),
    "music": Texture(music.music, music.KINDS),
    "drone": Texture(drone.drone, drone.KINDS),
}

__all__ = ["TEXTURES", "Samples", "Texture"]
