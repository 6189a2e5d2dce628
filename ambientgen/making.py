"""Windows made one after another, each by itself: whatever the order, it comes out the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from ambientgen.engine import LocalEngine
from ambientgen.loa import Conditioning, Trajectory
from ambientgen.models.loading import Model
from ambientgen.noise import Take, WindowNoise
from ambientgen.plan import Plan
from ambientgen.reuse import WindowMaker
from ambientgen.rounds import placed, to_make
from ambientgen.windows import Window

FloatArray = NDArray[np.float32]
Made = TypeVar("Made")


@dataclass(frozen=True)
class Conditionings:
    """Every window's conditioning: LOA at its own times, one constant text."""

    trajectory: Trajectory
    text: torch.Tensor
    text_mask: torch.Tensor

    def of(self, window: Window) -> Conditioning:
        return Conditioning(self.trajectory.window(window), self.text, self.text_mask)


@dataclass(frozen=True)
class Means:
    """What windows are made with: `batch` of them in one pass of the UNet."""

    maker: WindowMaker
    engine: LocalEngine
    batch: int


def made(
    model: Model, plan: Plan, told: Conditionings, means: Means, take: Take | None = None
) -> Iterator[tuple[int, FloatArray]]:
    """Start frame and latents (C * F, frames) of every window of a plan, in order of time.

    `take` keys the noise; None: the scene's seed alone does.
    """
    period = None if plan.loop is None else plan.loop.frames
    noise = (take or Take(plan.scene.seed)).windows(_rows(model), period)
    engine = means.engine
    make = partial(_made, model, noise, told, means.maker, engine.checkpoint)
    parts = engine.map(make, batches(to_make(plan), means.batch))
    yield from placed(plan, in_order(to_make(plan), chain.from_iterable(parts)))


def batches(windows: Iterable[Window], size: int) -> Iterator[list[Window]]:
    """Windows as they share a pass through the UNet: at most `size`, all of one length.

    Of each `size` windows of the scene those of one length go together. Grouping looks at nothing
    but the windows' place in the scene, since a batch's size changes the last bits of its results.
    """
    for block in _blocks(windows, size):
        alike: dict[int, list[Window]] = {}
        for window in block:
            alike.setdefault(window.frames, []).append(window)
        yield from alike.values()


def in_order(
    windows: Iterable[Window], made: Iterable[tuple[Window, Made]]
) -> Iterator[tuple[Window, Made]]:
    """What was made of the `batches` of some windows, in the windows' own order."""
    stream = iter(made)
    waiting: dict[int, Made] = {}
    for window in windows:
        while window.index not in waiting:
            other, result = next(stream)
            waiting[other.index] = result
        yield window, waiting.pop(window.index)


def _blocks(windows: Iterable[Window], size: int) -> Iterator[list[Window]]:
    """Neighbours whose indices divide to one quotient; a loop's next turn begins a new block."""
    block: dict[int, Window] = {}
    place = -1
    for window in windows:
        if block and (window.index // size != place or window.index in block):
            yield list(block.values())
            block = {}
        place = window.index // size
        block[window.index] = window
    if block:
        yield list(block.values())


def _made(
    model: Model,
    noise: WindowNoise,
    conditionings: Conditionings,
    maker: WindowMaker,
    checkpoint: Callable[[], None],
    batch: Sequence[Window],
) -> list[tuple[Window, FloatArray]]:
    """Each window of a batch, and its latents (C * F, frames)."""
    given = [conditionings.of(window) for window in batch]
    rows = maker.make(_noise(model, batch, noise), given, checkpoint)
    return list(zip(batch, rows, strict=True))


def _noise(model: Model, batch: Sequence[Window], noise: WindowNoise) -> torch.Tensor:
    """Noise (B, C, T, F) of windows of one length, at their absolute frames."""
    channels, bins = model.geometry.latent_channels, model.geometry.latent_bins
    drawn = np.stack([noise.window(w.start_frame, w.frames) for w in batch])
    grid = drawn.reshape(len(batch), -1, channels, bins).swapaxes(1, 2)
    return torch.from_numpy(grid.copy())


def _rows(model: Model) -> int:
    return model.geometry.latent_channels * model.geometry.latent_bins
