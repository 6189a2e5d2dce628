"""Which share of each feed of a layer goes to which channel."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ambientgen.mix.layouts import Layout, lateral, panned

Matrix = NDArray[np.float64]
"""(channels, feeds)."""

# Feeds of a wide layer with a direction stand on an arc around it, half as far apart as the
# loudspeakers of quad: so what surrounds still comes from somewhere. Order: that of the beds.
_ARC_DEG = (-22.5, 22.5, -67.5, 67.5)


def spread(layout: Layout, direction_deg: float | None, feeds: int, common: float) -> Matrix:
    """Gains of `feeds` feeds, any two of which correlate by `common` (0 to 1), in the channels.

    The power of what they become is the layout's times that of one feed, whatever they have in
    common and wherever they stand. Without a direction a layout's own feeds are its bed.
    """
    if direction_deg is not None and feeds == 1:
        return np.array(layout.gains(direction_deg), np.float64)[:, None]
    if direction_deg is None:
        columns = [_bed(layout, k, feeds) for k in range(feeds)]
    else:
        columns = [_placed(layout, direction_deg, k, feeds) for k in range(feeds)]
    gains = np.array(columns).T
    gains[np.abs(gains) < 1e-12] = 0.0  # of sines and cosines of quarter turns
    counted = gains[: layout.counted]
    own = float((counted**2).sum())
    all_alike = float((counted.sum(axis=1) ** 2).sum())
    power = own + common * (all_alike - own)
    return np.asarray(gains * math.sqrt(layout.power / power), np.float64)


def _bed(layout: Layout, feed: int, feeds: int) -> Matrix:
    """Fewer feeds than a bed's share it (two: left and right), more take turns."""
    shares = range(feed, layout.feeds, feeds) if feeds <= layout.feeds else (feed % layout.feeds,)
    return np.asarray(np.sum([layout.bed[share] for share in shares], axis=0), np.float64)


def _placed(layout: Layout, direction_deg: float, feed: int, feeds: int) -> Matrix:
    if layout.ears:
        # Left and right as they are when ahead; both draw together towards a side.
        side = lateral(direction_deg)
        return np.array(panned(side + (1.0 - abs(side)) * (-1.0 if feed % 2 == 0 else 1.0)))
    return np.array(layout.gains(direction_deg + _ARC_DEG[feed % len(_ARC_DEG)]))
