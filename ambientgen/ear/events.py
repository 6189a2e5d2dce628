"""What an author lets happen at once: changes that are no seams, though windows may join there."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ambientgen.ear.source import Array
from ambientgen.scene import Scene

NEAR_S = 0.5
"""A join that lies no further than this from where an event begins is not judged: what changes
there was asked for."""
RARE = 0.25
"""Random events are rare as long as less than this share of a file lies near one of them. More are
a texture: other instants have them as often as joins, so joins near them are judged."""

_RATE = 1000  # of times alone, in Hz


def events_s(scene: Scene, from_s: float, length_s: float) -> tuple[float, ...]:
    """When events begin, in seconds of a file that holds `length_s` of a scene from `from_s` on.

    Also shortly before and behind the file. Random events are those that the scene's seed draws;
    where they are no rare ones they are left out.
    """
    layers = [layer for layer in scene.sounds if layer.events]
    if not layers:
        return ()
    from ambientgen.mix.layouts import LAYOUTS
    from ambientgen.sources.events import Events, unplaced

    first, end = (int(time_s * _RATE) for time_s in (from_s - NEAR_S, from_s + length_s + NEAR_S))
    found: list[float] = []
    for layer in layers:
        drawn = Events(layer, scene, LAYOUTS["mono"], _RATE, unplaced)
        of_entries: dict[int, list[float]] = {}
        for one in drawn.occurrences(first, end):
            of_entries.setdefault(one.entry, []).append(one.first / _RATE - from_s)
        for entry, times_s in of_entries.items():
            single = layer.events[entry].rate is None
            if single or len(times_s) * 2 * NEAR_S < RARE * length_s:
                found += times_s
    return tuple(sorted(found))


def away_from(joins_s: Iterable[float], events: Iterable[float]) -> tuple[float, ...]:
    """The joins that no event is near."""
    joins: Array = np.array(list(joins_s), np.float64)
    fenced = np.array([-np.inf, *events, np.inf])
    after = np.searchsorted(fenced, joins)
    nearest = np.minimum(joins - fenced[after - 1], fenced[after] - joins)
    return tuple(joins[nearest > NEAR_S].tolist())
