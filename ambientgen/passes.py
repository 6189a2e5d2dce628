"""A plan's windows made, in passes that they share: whoever meets there, they come out the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from ambientgen.loa import Conditioning, Trajectory
from ambientgen.models.loading import Model
from ambientgen.noise import Take, Unrest, WindowNoise
from ambientgen.plan import Plan
from ambientgen.reuse import WindowMaker
from ambientgen.rounds import placed, to_make
from ambientgen.silence import silent_frame
from ambientgen.swells import UNREST_S, unrest_of
from ambientgen.windows import Window
from ambientgen.workers import Workers

FloatArray = NDArray[np.float32]
Item = TypeVar("Item")

PATIENCE = 16
"""Windows of other lengths that may come before a pass which is not full is made: what is heard
first waits for it, and what was made meanwhile lies in memory."""


@dataclass(frozen=True)
class Conditionings:
    """Every window's conditioning: its LOA (`Trajectory.window`), one constant text."""

    trajectory: Trajectory
    text: torch.Tensor
    text_mask: torch.Tensor

    def of(self, window: Window) -> Conditioning:
        return Conditioning(self.trajectory.window(window), self.text, self.text_mask)


@dataclass(frozen=True)
class Means:
    """What windows are made with: `rows` says how many of some latent frames share a pass."""

    maker: WindowMaker
    workers: Workers
    rows: Callable[[int], int]


@dataclass(frozen=True)
class Pass:
    """Windows of one length that share a pass of the UNet: by row, when each is due and itself.

    A row's last bits depend on how many `rows` there are and on which it is, and not on what the
    others hold: so both are a window's own, and rows without a window stay in the pass.
    """

    rows: int
    windows: Mapping[int, tuple[int, Window]]


def window_latents(
    model: Model, plan: Plan, told: Conditionings, means: Means, take: Take | None = None
) -> Iterator[tuple[int, FloatArray]]:
    """Start frame and latents (C * F, frames) of every window of a plan, in order of time.

    `take` keys the noise; None: the scene's seed alone does.
    """
    noise = noise_of(model, plan, take or Take(plan.scene.seed))
    workers = means.workers
    make = partial(_made, model, noise, told, means.maker, workers.checkpoint)
    parts = workers.map(make, passes(to_make(plan), means.rows))

    @cache
    def frame() -> FloatArray:
        return workers.run(lambda: silent_frame(model))

    def silence(window: Window) -> FloatArray:
        return np.repeat(frame()[:, np.newaxis], window.frames, axis=1)

    yield from placed(plan, in_order(chain.from_iterable(parts)), silence)


def noise_of(model: Model, plan: Plan, take: Take) -> WindowNoise:
    """What a plan's windows begin with: as restless as the model says of the scene's states."""
    period = None if plan.loop is None else plan.loop.frames
    return take.windows(_width(model), period, unrest(model, plan))


def unrest(model: Model, plan: Plan) -> Unrest:
    """How restless that noise is, on the plan's latent frames."""
    reach = max(1, round(UNREST_S * plan.geometry.frames_per_second))
    return Unrest(unrest_of(plan.scene, model.spec.unrest), reach)


def passes(windows: Iterable[Window], rows: Callable[[int], int]) -> Iterator[Pass]:
    """Windows as they share passes: each in the row that its own place in time gives it.

    They are due in the order in which they come, from 0 on. A pass waits for windows of its length
    until it is full, its row is wanted again, or `PATIENCE` of other lengths have come. Which
    windows meet there changes nothing about any of them.
    """
    waiting: dict[int, dict[int, tuple[int, Window]]] = {}  # by length, by row
    others: dict[int, int] = {}  # that have come since, by length

    def closed(frames: int) -> Pass:
        del others[frames]
        return Pass(rows(frames), waiting.pop(frames))

    for due, window in enumerate(windows):
        length = window.frames
        row = row_of(window, rows(length))
        if row in waiting.get(length, {}):
            yield closed(length)
        for frames in others:
            others[frames] += frames != length
        waiting.setdefault(length, {})[row] = due, window
        others.setdefault(length, 0)
        if len(waiting[length]) == rows(length):
            yield closed(length)
        for frames in [each for each, count in others.items() if count >= PATIENCE]:
            yield closed(frames)
    for frames in list(waiting):
        yield closed(frames)


def row_of(window: Window, rows: int) -> int:
    """The row of a window among `rows`: neighbours of one length have neighbouring ones."""
    return window.start_frame // window.core_frames % rows


def in_order(results: Iterable[tuple[int, Item]]) -> Iterator[Item]:
    """Results in the order in which they are due, each told with its number from 0 on."""
    early: dict[int, Item] = {}
    due = 0
    for number, result in results:
        early[number] = result
        while due in early:
            yield early.pop(due)
            due += 1


def _made(
    model: Model,
    noise: WindowNoise,
    conditionings: Conditionings,
    maker: WindowMaker,
    checkpoint: Callable[[], None],
    together: Pass,
) -> list[tuple[int, tuple[Window, FloatArray]]]:
    """When each window of a pass is due, itself, and its latents (C * F, frames)."""
    given = {
        row: (_noise(model, window, noise), conditionings.of(window))
        for row, (_, window) in together.windows.items()
    }
    latents = maker.make(given, together.rows, checkpoint)
    return [(due, (window, latents[row])) for row, (due, window) in together.windows.items()]


def _noise(model: Model, window: Window, noise: WindowNoise) -> torch.Tensor:
    """Noise (C, T, F) of a window, at its absolute frames."""
    channels, bins = model.geometry.latent_channels, model.geometry.latent_bins
    drawn = noise.window(window.start_frame, window.frames)
    return torch.from_numpy(drawn.reshape(-1, channels, bins).swapaxes(0, 1).copy())


def _width(model: Model) -> int:
    return model.geometry.latent_channels * model.geometry.latent_bins
