"""Windows made one after another: drafted each by itself, then finished beside their neighbours.

All steps but the last know nothing of any other window. Before the last, where two windows overlap,
both take over the same fade from one draft into the other: so they agree there, yet a window
depends on its two neighbours alone, and not on theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby

import numpy as np
import torch
from numpy.typing import NDArray

from ambientgen.crossfade import ramp
from ambientgen.engine import LocalEngine
from ambientgen.loa import Conditioning, Trajectory
from ambientgen.models.loading import Model
from ambientgen.noise import Take, WindowNoise
from ambientgen.plan import Plan
from ambientgen.reuse import WindowMaker
from ambientgen.rounds import placed, to_make
from ambientgen.windows import Window

FloatArray = NDArray[np.float32]

EDGE = 0.25  # the other side's share at the edge of an overlap, before the last step

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


@dataclass(frozen=True)
class Draft:
    """A window on the timeline as its maker left it: rows (n, frames), and what it was told."""

    start_frame: int
    window: Window
    told: Conditioning
    rows: FloatArray

    @property
    def end_frame(self) -> int:
        """The frame after its last."""
        return self.start_frame + self.window.frames


def drafted(
    model: Model,
    plan: Plan,
    told: Conditionings,
    maker: WindowMaker,
    engine: LocalEngine,
    take: Take | None = None,
) -> Iterator[Draft]:
    """Every window of a plan where it is to start, in order of time.

    `take` keys the noise; None: the scene's seed alone does.
    """
    period = None if plan.loop is None else plan.loop.frames
    noise = (take or Take(plan.scene.seed)).windows(_rows(model), period)
    make = partial(_made, model, noise, told, maker, engine.checkpoint)
    made = chain.from_iterable(engine.map(make, batches(to_make(plan), model.device.type)))
    for start_frame, draft in placed(plan, ((draft.window, draft) for draft in made)):
        yield replace(draft, start_frame=start_frame)


def finished(
    plan: Plan, drafts: Iterable[Draft], maker: WindowMaker, engine: LocalEngine
) -> Iterator[tuple[int, FloatArray]]:
    """Start frame and latents (C * F, frames) of each window that sounds in the plan's reach."""
    first, end = plan.reach.latents
    beside = coupled(drafts) if maker.drafts else drafts
    heard = (
        draft
        for draft in beside
        if draft.end_frame > first and (end is None or draft.start_frame < end)
    )
    if not maker.drafts:
        yield from ((draft.start_frame, draft.rows) for draft in heard)
        return

    def finish(batch: Sequence[Draft]) -> list[tuple[int, FloatArray]]:
        rows, told = np.stack([each.rows for each in batch]), [each.told for each in batch]
        starts = (each.start_frame for each in batch)
        return list(zip(starts, maker.finish(rows, told, engine.checkpoint), strict=True))

    size = maker.batch
    grouped = groupby(heard, key=lambda each: (each.window.index // size, each.window.frames))
    parts = (
        group[at : at + size]
        for group in (list(group) for _, group in grouped)
        for at in range(0, len(group), size)
    )
    yield from chain.from_iterable(engine.map(finish, parts))


def coupled(drafts: Iterable[Draft]) -> Iterator[Draft]:
    """Each draft, in order of time, with the fade from one into the other where two overlap."""
    left: Draft | None = None
    here: Draft | None = None
    for right in chain(drafts, [None]):
        if here is not None:
            rows = here.rows.copy()
            if left is not None and (overlap := left.end_frame - here.start_frame) > 0:
                rows[:, :overlap] = faded(left.rows[:, -overlap:], here.rows[:, :overlap])
            if right is not None and (overlap := here.end_frame - right.start_frame) > 0:
                rows[:, -overlap:] = faded(here.rows[:, -overlap:], right.rows[:, :overlap])
            yield replace(here, rows=rows)
        left, here = here, right


def faded(left: FloatArray, right: FloatArray) -> FloatArray:
    """What both sides of an overlap, (n, frames) each, take over before the last step.

    Copies of one plain fade, since they share the noise that most of their power is. It begins at
    a quarter of the right side and ends at three: measured with the ear, a fade all the way leaves
    windows too much as they were, and a flat mean makes overlaps calmer than all else.
    """
    rising = (EDGE + (1 - 2 * EDGE) * ramp(left.shape[-1])).astype(np.float32)
    return np.asarray(left + rising * (right - left), np.float32)


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
) -> list[Draft]:
    """Each window of a batch."""
    given = [conditionings.of(window) for window in batch]
    made = maker.make(_noise(model, batch, noise), given, checkpoint)
    parts = zip(batch, given, made, strict=True)
    return [Draft(window.start_frame, window, told, rows) for window, told, rows in parts]


def _noise(model: Model, batch: Sequence[Window], noise: WindowNoise) -> torch.Tensor:
    """Noise (B, C, T, F) of windows of one length, at their absolute frames."""
    channels, bins = model.geometry.latent_channels, model.geometry.latent_bins
    drawn = np.stack([noise.window(w.start_frame, w.frames) for w in batch])
    grid = drawn.reshape(len(batch), -1, channels, bins).swapaxes(1, 2)
    return torch.from_numpy(grid.copy())


def _rows(model: Model) -> int:
    return model.geometry.latent_channels * model.geometry.latent_bins
