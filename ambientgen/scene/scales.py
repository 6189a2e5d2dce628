"""Scales: from where to where a number of a scene may go, its unit, and what to say if it does not.

A curve on a scale is kept as shares of it, 0 at the low end to 1 at the high one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ambientgen.scene.faults import Fault, ScenePath, shown

_NUMBER = re.compile(r"([-+]?[0-9]{1,20}(?:\.[0-9]{0,20})?)\s*([A-Za-z]{1,10})")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{0,9})?)\s*%")


@dataclass(frozen=True)
class Scale:
    """Numbers of one kind.

    field: the field they stand in; noun: what one is called in a message. unit: may be written
    behind the number, or left out; "" if there is none. remedy: what to write instead; curve: a
    field with points, that is right.
    """

    field: str
    noun: str
    low: float
    high: float
    remedy: str
    curve: str = ""
    unit: str = ""

    @property
    def kind(self) -> str:
        """What a message says that it must be."""
        return f"a number from {self._between('to')}"

    @property
    def pattern(self) -> str:
        """Regular expression of the texts that are numbers with a unit."""
        letters = "".join(f"[{c.upper()}{c.lower()}]" for c in self.unit)
        return rf"^[-+]?[0-9]+(\.[0-9]*)? *{letters}$"

    def number(self, value: object) -> float | None:
        """The number that a value is; None if it is none. It may lie outside."""
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            return float(value)
        found = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) and self.unit else None
        if found and found[2].lower() == self.unit.lower():
            return float(found[1])
        return None

    def faults(self, value: object, path: ScenePath, name: str) -> Iterator[Fault]:
        """What is wrong with a value called `name`, at `path`."""
        number = self.number(value)
        if number is None:
            remedy = self.of_percent(value) or self.remedy
            yield Fault(path, f"{name} must be {self.kind}, not {shown(value)}", remedy)
        elif not math.isfinite(number):
            yield Fault(path, f"{name} is not a finite number ({shown(value)})", self.remedy)
        elif not self.low <= number <= self.high:
            said = f"{name} must lie between {self._between('and')}, not {shown(value)}"
            yield Fault(path, said, self.remedy)

    def of_percent(self, value: object) -> str | None:
        """What to write instead of a percentage, such as `80%`, on a scale from 0 to 1."""
        found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
        if found is None or (self.low, self.high) != (0.0, 1.0) or float(found[1]) > 100:
            return None
        return f"write `{float(found[1]) / 100:g}`"

    def share(self, value: object) -> float:
        """A right value's place on the scale, 0 to 1."""
        return ((self.number(value) or 0.0) - self.low) / (self.high - self.low)

    def _between(self, word: str) -> str:
        return f"{self.low:g} {word} {self.high:g}" + (f" {self.unit}" if self.unit else "")

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of a number."""
        number = {"type": "number", "minimum": self.low, "maximum": self.high}
        if not self.unit:
            return number
        return {"anyOf": [number, {"type": "string", "pattern": self.pattern}]}


LEVEL = Scale(
    "curve",
    "level",
    0.0,
    1.0,
    "0 is none and 1 is most: write for example `0.5`",
    "curve: {0s: 0.1, 90s: 0.9}",
)
GAIN = Scale(
    "gain",
    "gain",
    -60.0,
    24.0,
    "0 changes nothing, and less is quieter: write for example `-6dB`",
    "gain: {0s: -12dB, 90s: 0dB}",
    "dB",
)
DIRECTION = Scale(
    "direction",
    "direction",
    -180.0,
    180.0,
    "degrees: 0 is ahead, 90 right and -90 left: write for example `-60`",
    "direction: {0s: -60, 90s: 60}",
)
DISTANCE = Scale(
    "distance",
    "distance",
    0.0,
    1.0,
    "0 is at the ear and 1 on the horizon: write for example `0.4`",
    "distance: {0s: 0.9, 90s: 0.1}",
)
RATE = Scale(
    "rate",
    "rate",
    0.0,
    600.0,
    "so many a minute: write for example `4`",
    "rate: {0s: 0.5, 90s: 4}",
)
WIDTH = Scale(
    "width",
    "width",
    0.0,
    1.0,
    "0 is one point and 1 all around: write for example `0.5`",
)
LOUDNESS = Scale(
    "loudness",
    "loudness",
    -60.0,
    -5.0,
    "write for example `-23 LUFS`",
    unit="LUFS",
)
PEAK = Scale(
    "peak",
    "peak",
    -20.0,
    0.0,
    "write for example `-1 dBTP`",
    unit="dBTP",
)
