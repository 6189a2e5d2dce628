"""Windows made one after another, each by itself: whatever the order, it comes out the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby

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

# Windows in one pass of the UNet. A CPU gains nothing from batches (each worker is busy with one
# window); a GPU is filled by eight windows of ten seconds. Fixed, because samples depend on it.
BATCH_SIZES = {"cpu": 1, "cuda": 8, "mps": 4}


@dataclass(frozen=True)
class Conditionings:
    """Every window's conditioning: LOA at its own times, one constant text."""

    trajectory: Trajectory
    text: torch.Tensor
    text_mask: torch.Tensor

    def of(self, window: Window) -> Conditioning:
        return Conditioning(self.trajectory.window(window), self.text, self.text_mask)


def made(
    model: Model,
    plan: Plan,
    told: Conditionings,
    maker: WindowMaker,
    engine: LocalEngine,
    take: Take | None = None,
) -> Iterator[tuple[int, FloatArray]]:
    """Start frame and latents (C * F, frames) of every window of a plan, in order of time.

    `take` keys the noise; None: the scene's seed alone does.
    """
    period = None if plan.loop is None else plan.loop.frames
    noise = (take or Take(plan.scene.seed)).windows(_rows(model), period)
    make = partial(_made, model, noise, told, maker, engine.checkpoint)
    parts = engine.map(make, batches(to_make(plan), model.device.type))
    yield from placed(plan, chain.from_iterable(parts))


def batches(windows: Iterable[Window], device: str) -> Iterator[list[Window]]:
    """Windows as they share a pass through the UNet: of equal length, grouped by index alone.

    Grouping looks at nothing but the windows' place in the scene, since a batch's size changes the
    last bits of its results.
    """
    size = BATCH_SIZES.get(device, 1)
    for _, group in groupby(windows, key=lambda w: (w.index // size, w.frames)):
        yield list(group)


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
