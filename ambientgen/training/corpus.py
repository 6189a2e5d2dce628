"""Mixtures of stems with all that is known of them: waveform, log-mel, states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ambientgen.synth import TEXTURES
from ambientgen.training.keep import kept
from ambientgen.training.mel import MEL_BINS, log_mel
from ambientgen.training.stems import CLIP_FRAMES, CLIP_SAMPLES, Stems

NAMES: tuple[str, ...] = tuple(TEXTURES)
# How many states sound at once, and how often: single sounds teach identity, mixtures blending.
STATE_COUNTS = (0, 1, 2, 3)
STATE_COUNT_ODDS = (0.03, 0.47, 0.32, 0.18)
# The faint noise of any microphone, so that silence is not a hard floor in the log-mel.
FLOOR_RMS = 10 ** (-78 / 20)


@dataclass(frozen=True)
class Recipe:
    """Which stems make one clip: pure numbers, so a clip can be made again from its recipe."""

    stems: tuple[int, ...]
    floor_seed: int


def draw_recipes(names: Sequence[str], count: int, seed: int) -> list[Recipe]:
    """Random recipes over stems called `names`; no two stems of one clip share a name."""
    rng = np.random.default_rng(seed)
    by_name = {n: np.flatnonzero(np.asarray(names) == n) for n in NAMES}
    recipes = []
    for _ in range(count):
        chosen = rng.choice(NAMES, rng.choice(STATE_COUNTS, p=STATE_COUNT_ODDS), replace=False)
        stems = tuple(int(rng.choice(by_name[str(name)])) for name in chosen)
        recipes.append(Recipe(stems, int(rng.integers(2**31))))
    return recipes


def mix(stems: Stems, recipe: Recipe) -> NDArray[np.float32]:
    """The waveform of one clip, shape (CLIP_SAMPLES,)."""
    rng = np.random.default_rng(recipe.floor_seed)
    audio = FLOOR_RMS * rng.standard_normal(CLIP_SAMPLES)
    for index in recipe.stems:
        audio += stems.audio[index]
    return audio.astype(np.float32)


def states(stems: Stems, recipe: Recipe) -> NDArray[np.float16]:
    """Intensity of every state along one clip, shape (len(NAMES), CLIP_FRAMES)."""
    out = np.zeros((len(NAMES), CLIP_FRAMES), np.float16)
    for index in recipe.stems:
        out[NAMES.index(str(stems.names[index]))] = stems.curves[index]
    return out


@dataclass(frozen=True)
class Corpus:
    """mels (N, CLIP_FRAMES, MEL_BINS) and states (N, len(NAMES), CLIP_FRAMES), float16."""

    mels: NDArray[np.float16]
    states: NDArray[np.float16]


def build(folder: Path, stems: Stems, count: int, seed: int) -> Corpus:
    """Mix `count` clips and keep their log-mels and states in `folder` (made once, then read)."""

    def make(partial: Path) -> None:
        recipes = draw_recipes([str(n) for n in stems.names], count, seed)
        mels = np.lib.format.open_memmap(
            folder / "mels.npy", "w+", np.float16, (count, CLIP_FRAMES, MEL_BINS)
        )
        for i, recipe in enumerate(recipes):
            mels[i] = log_mel(torch.from_numpy(mix(stems, recipe))[None])[0].numpy()
        mels.flush()
        np.save(partial, np.stack([states(stems, r) for r in recipes]))

    moving = np.load(kept(folder / "states.npy", make))  # the last to come: it vouches for both
    return Corpus(np.load(folder / "mels.npy", mmap_mode="r"), moving)
