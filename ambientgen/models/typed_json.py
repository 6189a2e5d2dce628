"""Typed look-ups in a JSON object that blame the file and the field where a value is wrong."""

from __future__ import annotations

import math
import reprlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from ambientgen.errors import ModelError, Problem

LARGEST = 1_000_000  # of whole numbers: beyond any rate, hop or count of a model
LONGEST = 16  # of lists of whole numbers: beyond the levels of any network


class TypedJson:
    """The fields of a JSON object. Each look-up raises ModelError, naming file and field, for a
    value of the wrong type or out of range; a field that is not there has the default."""

    def __init__(self, path: Path, values: Mapping[str, Any]) -> None:
        self.path = path
        self._values = values

    def text(self, key: str) -> str:
        """A text, by default empty."""
        value = self._values.get(key, "")
        return value if isinstance(value, str) else self._refuse(key, "a text")

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, by default empty."""
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self._refuse(key, "a list of texts")
        return tuple(value)

    def mapped_texts(self, key: str) -> dict[str, str]:
        """An object whose values are texts, by default empty."""
        value = self._values.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            self._refuse(key, "an object of texts")
        return dict(value)

    def pairs(self, key: str) -> dict[str, tuple[float, float]]:
        """An object whose values are lists of two numbers above 0, by default empty."""
        value = self._values.get(key, {})
        if not isinstance(value, dict) or not all(map(_is_pair, value.values())):
            self._refuse(key, "an object of lists of two numbers above 0")
        return {name: (float(one), float(other)) for name, (one, other) in value.items()}

    def numbers(self, key: str, least: float) -> dict[str, float]:
        """An object whose values are numbers of at least `least`, by default empty."""
        value = self._values.get(key, {})
        if not isinstance(value, dict) or not all(
            _is_number(each) and each >= least for each in value.values()
        ):
            self._refuse(key, f"an object of numbers of at least {least:g}")
        return {name: float(each) for name, each in value.items()}

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._values.get(key, default)
        return value if isinstance(value, bool) else self._refuse(key, "true or false")

    def number(self, key: str, default: float, least: float = -math.inf) -> float:
        """A finite number of at least `least`."""
        value = self._values.get(key, default)
        if not _is_number(value) or value < least:
            self._refuse(key, "a number" if least == -math.inf else f"a number of at least {least}")
        return float(value)

    def whole(self, key: str, default: int, least: int = 1) -> int:
        """A whole number from `least` to `LARGEST`."""
        value = self._values.get(key, default)
        if not _is_whole(value, least):
            self._refuse(key, f"a whole number of at least {least}")
        return int(value)

    def wholes(self, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """One to `LONGEST` whole numbers from 1 to `LARGEST`."""
        if key not in self._values:
            return default
        value = self._values[key]
        fits = isinstance(value, list) and 1 <= len(value) <= LONGEST
        if not fits or not all(_is_whole(each, 1) for each in value):
            self._refuse(key, "a list of whole numbers")
        return tuple(value)

    def _refuse(self, key: str, wanted: str) -> NoReturn:
        what = f"`{key}` is {reprlib.repr(self._values[key])}"
        raise ModelError(Problem(str(self.path), what, f"write {wanted}"))


def _is_pair(value: Any) -> bool:
    pair = isinstance(value, list) and len(value) == 2
    return pair and all(_is_number(each) and each > 0 for each in value)


def _is_number(value: Any) -> bool:
    # Not by math.isfinite, which raises for a whole number that no float can hold.
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and -sys.float_info.max <= value <= sys.float_info.max


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= LARGEST
