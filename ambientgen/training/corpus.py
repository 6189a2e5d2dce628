"""Mixtures of stems with all that is known of them: waveform, log-mel, states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ambientgen.silence import MICROPHONE_DB
from ambientgen.synth import TEXTURES
from ambientgen.synth.acoustics import Place, apply
from ambientgen.training.courses import heard_course
from ambientgen.training.keep import kept, new_array
from ambientgen.training.mel import MEL_BINS, log_mel
from ambientgen.training.stems import CLIP_FRAMES, CLIP_SAMPLES, Stems

NAMES: tuple[str, ...] = tuple(TEXTURES)
# How many states sound at once, and how often: none teaches silence, single sounds identity,
# mixtures blending.
STATE_COUNTS = (0, 1, 2, 3)
STATE_COUNT_ODDS = (0.1, 0.43, 0.3, 0.17)
# Of all triples of states only so many are heard together: LOA is predicted beforehand for every
# level of each (`unet.build_bank`), and other triples are blends of what these teach.
TRIPLES, TRIPLE_SEED = 400, 5
# How often a clip is heard in a place of its own instead of in the open.
PLACED = 0.25
# The faint noise of any microphone, so that silence is not a hard floor in the log-mel.
FLOOR_RMS = 10 ** (MICROPHONE_DB / 20)
_BESIDE = ("mels.npy", "kinds.npy", "places.npy")


@dataclass(frozen=True)
class ClipRecipe:
    """Which stems make one clip: pure numbers, so a clip can be made again from its recipe."""

    stems: tuple[int, ...]
    floor_seed: int
    place_seed: int | None = None

    @property
    def place(self) -> Place | None:
        """Where it is heard; None: in the open."""
        if self.place_seed is None:
            return None
        return Place.draw(np.random.default_rng(self.place_seed))


@cache
def triples() -> tuple[tuple[str, ...], ...]:
    """The triples of states that occur together, each in the registry's order."""
    rng = np.random.default_rng(TRIPLE_SEED)
    every = list(combinations(NAMES, 3))
    return tuple(every[i] for i in sorted(rng.permutation(len(every))[:TRIPLES]))


def draw_recipes(names: Sequence[str], count: int, seed: int) -> list[ClipRecipe]:
    """Random recipes over stems called `names`; no two stems of one clip share a name."""
    rng = np.random.default_rng(seed)
    by_name = {n: np.flatnonzero(np.asarray(names) == n) for n in NAMES}
    recipes = []
    for _ in range(count):
        how_many = rng.choice(STATE_COUNTS, p=STATE_COUNT_ODDS)
        if how_many == len(triples()[0]):
            chosen = rng.permutation(triples()[rng.integers(len(triples()))])
        else:
            chosen = rng.choice(NAMES, how_many, replace=False)
        stems = tuple(int(rng.choice(by_name[str(name)])) for name in chosen)
        floor_seed, place_seed = (int(s) for s in rng.integers(2**31, size=2))
        recipes.append(ClipRecipe(stems, floor_seed, place_seed if rng.random() < PLACED else None))
    return recipes


def mix(stems: Stems, recipe: ClipRecipe) -> NDArray[np.float32]:
    """The waveform of one clip, shape (CLIP_SAMPLES,)."""
    audio = np.zeros(CLIP_SAMPLES)
    for index in recipe.stems:
        audio += stems.audio[index]
    place = recipe.place
    if place is not None and recipe.stems:
        audio = apply(audio, place, np.random.default_rng(recipe.floor_seed + 1))
    rng = np.random.default_rng(recipe.floor_seed)
    return (audio + FLOOR_RMS * rng.standard_normal(CLIP_SAMPLES)).astype(np.float32)


def states(stems: Stems, recipe: ClipRecipe) -> NDArray[np.float16]:
    """Intensity of every state along one clip, shape (len(NAMES), CLIP_FRAMES)."""
    out = np.zeros((len(NAMES), CLIP_FRAMES), np.float16)
    for index in recipe.stems:
        out[NAMES.index(str(stems.names[index]))] = stems.curves[index]
    return out


def courses(stems: Stems, recipe: ClipRecipe) -> NDArray[np.float16]:
    """The same with what the sounds do by themselves (`courses.py`)."""
    out = np.zeros((len(NAMES), CLIP_FRAMES), np.float16)
    for index in recipe.stems:
        name = str(stems.names[index])
        out[NAMES.index(name)] = heard_course(name, stems.audio[index], stems.curves[index])
    return out


def kinds(stems: Stems, recipe: ClipRecipe) -> list[str]:
    """The kind of every state in one clip, "" where it is not heard: len(NAMES) of them."""
    found = {str(stems.names[i]): str(stems.kinds[i]) for i in recipe.stems}
    return [found.get(name, "") for name in NAMES]


def place_words(recipe: ClipRecipe) -> str:
    """Where a clip is heard, in words; "" in the open."""
    return recipe.place.words if recipe.place is not None and recipe.stems else ""


@dataclass(frozen=True)
class Corpus:
    """mels (N, CLIP_FRAMES, MEL_BINS) and states (N, len(NAMES), CLIP_FRAMES), float16.

    `kinds` (N, len(NAMES)) names the kind of each state heard, `places` (N,) says where: words, or
    "" in the open. `courses` are the states with what sounds do by themselves, if that is known.
    """

    mels: NDArray[np.float16]
    states: NDArray[np.float16]
    kinds: NDArray[np.str_]
    places: NDArray[np.str_]
    courses: NDArray[np.float16] | None = None

    @property
    def told(self) -> NDArray[np.float16]:
        """The levels that a UNet is told, as `states`."""
        return self.states if self.courses is None else self.courses


def no_corpus() -> Corpus:
    """No clips."""
    nothing = np.array([], dtype=np.str_)
    return Corpus(
        np.zeros((0, CLIP_FRAMES, MEL_BINS), np.float16),
        np.zeros((0, len(NAMES), CLIP_FRAMES), np.float16),
        nothing,
        nothing,
    )


def build(folder: Path, stems: Stems, recipes: Sequence[ClipRecipe]) -> Corpus:
    """Mix a clip of each recipe and keep their log-mels and states in `folder` (made once, then
    read)."""

    def make(partial: Path) -> None:
        mels = new_array(folder / "mels.npy", (len(recipes), CLIP_FRAMES, MEL_BINS))
        for i, recipe in enumerate(recipes):
            mels[i] = log_mel(torch.from_numpy(mix(stems, recipe))[None])[0].numpy()
        mels.flush()
        np.save(folder / "kinds.npy", np.array([kinds(stems, r) for r in recipes]))
        np.save(folder / "places.npy", np.array([place_words(r) for r in recipes]))
        np.save(partial, np.stack([states(stems, r) for r in recipes]))

    def make_courses(partial: Path) -> None:
        np.save(partial, np.stack([courses(stems, r) for r in recipes]))

    # The last to come: it vouches for all.
    moving = np.load(kept(folder / "states.npy", make, _BESIDE))
    mels = np.load(folder / "mels.npy", mmap_mode="r")
    kind, place = np.load(folder / "kinds.npy"), np.load(folder / "places.npy")
    return Corpus(mels, moving, kind, place, np.load(kept(folder / "courses.npy", make_courses)))
