"""The procedural sounds that renders are compared with, on seeds that training never draws.

Training draws stems from `[texture, seed]`; here every generator is `[SALT, texture, seed]`, so no
take can be one that a model was trained on.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ambientgen import synth
from ambientgen.synth import TEXTURES
from ambientgen.synth.signals import RATE
from ambientgen.training.corpus import FLOOR_RMS
from ambientgen.training.keep import kept
from ambientgen.training.workers import be_worker

Audio = NDArray[np.float64]

SALT = 90_210
FIRST_SEED = 4_000  # renders and procedural takes alike; the corpus uses 0 to about 1,000


@dataclass(frozen=True)
class Wish:
    """One procedural take: a texture along a curve (times in s, levels), `seconds` long.

    It is of the kind that a plain name means, which is what a scene of plain names asks for, or of
    `any_kind`.
    """

    state: str
    curve: tuple[tuple[float, float], ...]
    seconds: float
    seed: int
    any_kind: bool = False

    @classmethod
    def held(cls, state: str, level: float, seconds: float, seed: int) -> Wish:
        """At one level throughout."""
        return cls(state, ((0.0, level),), seconds, seed)

    def make(self) -> Audio:
        """Its samples (n,) at 16 kHz, without the microphone's noise."""
        n = round(self.seconds * RATE)
        times, levels = zip(*self.curve, strict=True)
        intensity = np.interp(np.arange(n) / RATE, times, levels)
        rng = np.random.default_rng([SALT, zlib.crc32(self.state.encode()), self.seed])
        texture = TEXTURES[self.state]
        kind = None if self.any_kind else texture.usual
        return np.asarray(texture(intensity, rng, kind)[:n], np.float64)


class Teacher:
    """Procedural takes, each made once and kept in `folder`; several at a time with `workers`."""

    def __init__(self, folder: Path, workers: int = 2) -> None:
        self._folder = folder / f"procedural-{_source()}"
        self._workers = workers

    def prepare(self, wishes: Iterable[Wish]) -> None:
        """Make what is wished for and not there yet, on all workers at once."""
        missing = [w for w in dict.fromkeys(wishes) if not self._path(w).exists()]
        if self._workers < 2 or len(missing) < 2:
            for wish in missing:
                self.take(wish)
            return
        # Spawned, not forked: torch's threads would not survive a fork.
        spawn = get_context("spawn")
        with ProcessPoolExecutor(self._workers, spawn, initializer=be_worker) as pool:
            list(pool.map(_make, missing, [self._path(w) for w in missing], chunksize=4))

    def take(self, wish: Wish, floor: bool = True) -> Audio:
        """One take (n,), over the corpus' microphone noise if `floor`."""
        audio = np.load(_make(wish, self._path(wish))).astype(np.float64)
        if floor:
            rng = np.random.default_rng([SALT, wish.seed])
            audio += FLOOR_RMS * rng.standard_normal(len(audio))
        return audio

    def mixture(self, wishes: Sequence[Wish]) -> Audio:
        """Several takes of one length at once, (n,)."""
        first, *others = wishes
        return np.asarray(self.take(first) + sum(self.take(w, floor=False) for w in others))

    def _path(self, wish: Wish) -> Path:
        name = hashlib.sha256(repr(wish).encode()).hexdigest()[:24]
        return self._folder / f"{wish.state}-{name}.npy"


def _make(wish: Wish, path: Path) -> Path:
    if not path.exists():  # under a name of this process first: others may make it just now
        own = path.with_name(f"{path.stem}.{os.getpid()}{path.suffix}")
        kept(own, lambda partial: np.save(partial, wish.make().astype(np.float32))).replace(path)
    return path


@cache
def _source() -> str:
    """A hash of the textures' code: a kept take is only as good as the code that made it."""
    package = Path(inspect.getfile(synth)).parent
    texts = b"".join(path.read_bytes() for path in sorted(package.rglob("*.py")))
    return hashlib.sha256(texts).hexdigest()[:12]
