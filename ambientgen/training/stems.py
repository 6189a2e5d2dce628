"""The raw corpus: single procedural textures with known intensity curves, kept on disk.

Mixtures are summed from stems when they are needed (`corpus.py`), so a few thousand stems make an
endless corpus.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ambientgen.errors import AmbientgenError, Problem
from ambientgen.synth import TEXTURES
from ambientgen.synth.signals import RATE
from ambientgen.training.keep import kept, new_array
from ambientgen.training.workers import be_worker

CLIP_FRAMES = 1024  # mel frames of 10 ms: 10.24 s, the span of an AudioLDM 2 clip
MEL_HOP = 160
# How often a texture is of its usual kind, the first of its registry: the one that a plain name
# means. A name that meant all kinds alike would be answered by their average.
USUAL = 0.6
_BESIDE = ("audio.npy", "curves.npy", "kinds.npy")
CLIP_SAMPLES = CLIP_FRAMES * MEL_HOP


@dataclass(frozen=True)
class Stems:
    """audio (N, CLIP_SAMPLES) and curves (N, CLIP_FRAMES), float16; textures' names (N,) and the
    kind of each, (N,)."""

    audio: NDArray[np.float16]
    curves: NDArray[np.float16]
    names: NDArray[np.str_]
    kinds: NDArray[np.str_]


Made = tuple[NDArray[np.float16], NDArray[np.float16], str]  # audio, curve, kind


def intensity_curve(rng: np.random.Generator) -> NDArray[np.float64]:
    """A random curve over one clip: constant, ramp or step. Shape (CLIP_FRAMES,), values 0…1."""
    kind = rng.random()
    first, last = rng.uniform(0, 1, 2)
    u = np.linspace(0, 1, CLIP_FRAMES)
    if kind < 0.5:
        return np.full(CLIP_FRAMES, first)
    if kind < 0.85:
        return first + (last - first) * u
    return np.where(u < rng.uniform(0.15, 0.85), first, last)


def draw_kind(name: str, rng: np.random.Generator) -> str:
    """A kind of texture `name`: the usual one more often than the others together."""
    texture = TEXTURES[name]
    others = [kind for kind in texture.kinds if kind != texture.usual]
    return texture.usual if rng.random() < USUAL or not others else str(rng.choice(others))


def make_stem(name: str, seed: int) -> Made:
    """One stem of texture `name`: its audio, its intensity curve and its kind; a pure function of
    the seed."""
    rng = np.random.default_rng([sorted(TEXTURES).index(name), seed])
    curve = intensity_curve(rng)
    kind = draw_kind(name, rng)
    per_sample = np.interp(np.arange(CLIP_SAMPLES) / MEL_HOP, np.arange(CLIP_FRAMES), curve)
    audio = TEXTURES[name](per_sample, rng, kind)
    assert len(audio) == CLIP_SAMPLES
    assert RATE == 100 * MEL_HOP
    return audio.astype(np.float16), curve.astype(np.float16), kind


def _make(job: tuple[str, int]) -> Made:
    return make_stem(*job)


def no_stems() -> Stems:
    """No textures."""
    nothing = np.array([], dtype=np.str_)
    return Stems(np.zeros((0, 1), np.float16), np.zeros((0, 1), np.float16), nothing, nothing)


def _made(jobs: Sequence[tuple[str, int]], workers: int) -> Iterator[Made]:
    """The stems of `jobs`, in their order."""
    try:
        with ProcessPoolExecutor(workers, initializer=be_worker) as pool:
            # Few at a time: those that are begun are finished before Ctrl-C is obeyed.
            yield from pool.map(_make, jobs, chunksize=2)
    except BrokenProcessPool:
        what = "a process that made textures was ended, by somebody or for want of memory"
        raise AmbientgenError(Problem("", what, "start the training again")) from None


def build(folder: Path, per_texture: int, first_seed: int = 0, workers: int = 2) -> Stems:
    """Make `per_texture` stems of every texture and keep them in `folder`, for good.

    Raises:
        AmbientgenError: one of the `workers` was ended by somebody else.
    """

    def make(partial: Path) -> None:
        jobs = [(name, first_seed + k) for k in range(per_texture) for name in TEXTURES]
        audio = new_array(folder / "audio.npy", (len(jobs), CLIP_SAMPLES))
        curves = np.zeros((len(jobs), CLIP_FRAMES), np.float16)
        kinds = []
        for i, (samples, curve, kind) in enumerate(_made(jobs, workers)):
            audio[i], curves[i] = samples, curve
            kinds.append(kind)
        audio.flush()
        np.save(folder / "curves.npy", curves)
        np.save(folder / "kinds.npy", np.array(kinds))
        np.save(partial, np.array([name for name, _ in jobs]))

    # The last to come: they vouch for all.
    names = np.load(kept(folder / "names.npy", make, _BESIDE))
    return Stems(
        np.load(folder / "audio.npy", mmap_mode="r"),
        np.load(folder / "curves.npy"),
        names,
        np.load(folder / "kinds.npy"),
    )
