"""A verdict: one measure, its value, where it stops being acceptable, and where in the file."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """One measure of a sound.

    Attributes:
        name: Group and measure, such as `faults.clipping`.
        value: What was measured, in `unit`; None if there was nothing to measure.
        unit: Of value and limit; empty for plain numbers.
        passed: Whether the value is acceptable; None if it is shown but not judged.
        limit: The worst acceptable value, or None.
        at_least: Whether the limit is a lower one.
        where_s: The worst places, in seconds from the beginning.
        note: Whatever else a reader should know.
    """

    name: str
    value: float | None
    unit: str = ""
    passed: bool | None = None
    limit: float | None = None
    at_least: bool = False
    where_s: tuple[float, ...] = ()
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; numbers to five digits."""
        document = asdict(self)
        document["value"], document["limit"] = _short(self.value), _short(self.limit)
        document["where_s"] = [round(time, 3) for time in self.where_s]
        return document


def at_most(
    name: str, value: float, limit: float, unit: str = "", where_s: tuple[float, ...] = ()
) -> Verdict:
    """A verdict that passes up to `limit`."""
    return Verdict(name, value, unit, bool(value <= limit), limit, False, where_s)


def at_least(
    name: str, value: float, limit: float, unit: str = "", where_s: tuple[float, ...] = ()
) -> Verdict:
    """A verdict that passes from `limit` on."""
    return Verdict(name, value, unit, bool(value >= limit), limit, True, where_s)


def _short(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.5g}")
