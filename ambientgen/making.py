"""Windows made one after another, each by itself: whatever the order, it comes out the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
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

PATIENCE = 16
"""Windows that may come before a pass which is not full is made: what is heard first waits for it,
and what was made meanwhile lies in memory."""


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
    """What windows are made with: `rows` says how many of some latent frames share a pass."""

    maker: WindowMaker
    engine: LocalEngine
    rows: Callable[[int], int]


@dataclass(frozen=True)
class Pass:
    """Windows of one length, by their rows among the `rows` of one pass of the UNet.

    A row's last bits depend on how many rows there are and on which it is, and not on what the
    others hold: so both are a window's own, and rows without a window stay in the pass.
    """

    rows: int
    windows: Mapping[int, Window]


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
    parts = engine.map(make, passes(to_make(plan), means.rows))
    yield from placed(plan, in_order(to_make(plan), chain.from_iterable(parts)))


def passes(windows: Iterable[Window], rows: Callable[[int], int]) -> Iterator[Pass]:
    """Windows as they share passes: each in the row that its own place in time gives it.

    A pass waits for windows of its length until it is full, its row is wanted again, or `PATIENCE`
    other windows have come. Which windows meet there changes nothing about any of them.
    """
    waiting: dict[int, tuple[int, dict[int, Window]]] = {}  # by length: since when, by row

    def closed(frames: int) -> Pass:
        return Pass(rows(frames), waiting.pop(frames)[1])

    for count, window in enumerate(windows):
        row = row_of(window, rows(window.frames))
        if window.frames in waiting and row in waiting[window.frames][1]:
            yield closed(window.frames)
        together = waiting.setdefault(window.frames, (count, {}))[1]
        together[row] = window
        if len(together) == rows(window.frames):
            yield closed(window.frames)
        for frames in [each for each, (since, _) in waiting.items() if count - since >= PATIENCE]:
            yield closed(frames)
    for frames in list(waiting):
        yield closed(frames)


def row_of(window: Window, rows: int) -> int:
    """The row of a window among `rows`: neighbours of one length have neighbouring ones."""
    return window.start_frame // window.core_frames % rows


def in_order(
    windows: Iterable[Window], made: Iterable[tuple[Window, Made]]
) -> Iterator[tuple[Window, Made]]:
    """What was made of the `passes` of some windows, in the windows' own order."""
    stream = iter(made)
    waiting: dict[int, Made] = {}
    for window in windows:
        while window.index not in waiting:
            other, result = next(stream)
            waiting[other.index] = result
        yield window, waiting.pop(window.index)


def _made(
    model: Model,
    noise: WindowNoise,
    conditionings: Conditionings,
    maker: WindowMaker,
    checkpoint: Callable[[], None],
    together: Pass,
) -> list[tuple[Window, FloatArray]]:
    """Each window of a pass, and its latents (C * F, frames)."""
    given = {
        row: (_noise(model, window, noise), conditionings.of(window))
        for row, window in together.windows.items()
    }
    latents = maker.make(given, together.rows, checkpoint)
    return [(window, latents[row]) for row, window in together.windows.items()]


def _noise(model: Model, window: Window, noise: WindowNoise) -> torch.Tensor:
    """Noise (C, T, F) of a window, at its absolute frames."""
    channels, bins = model.geometry.latent_channels, model.geometry.latent_bins
    drawn = noise.window(window.start_frame, window.frames)
    return torch.from_numpy(drawn.reshape(-1, channels, bins).swapaxes(0, 1).copy())


def _rows(model: Model) -> int:
    return model.geometry.latent_channels * model.geometry.latent_bins
