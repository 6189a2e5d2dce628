"""Typed look-ups in a JSON object that blame the file and the field where a value is wrong."""

from __future__ import annotations

import math
import reprlib
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ambientgen.errors import ModelError, Problem
from ambientgen.scene.faults import nearest

LARGEST = 1_000_000  # of whole numbers: beyond any rate, hop or count of a model
NO_END = (math.inf, math.inf)
LONGEST = 16  # of lists of whole numbers: beyond the levels of any network

Found = TypeVar("Found")


class TypedJson:
    """The fields of a JSON object. Each look-up raises ModelError, naming file and field, for a
    value of the wrong type or out of range; a field that is not there has the default."""

    def __init__(self, path: Path, values: Mapping[str, Any]) -> None:
        self.path = path
        self._values = values

    def unknown(self, known: Sequence[str]) -> list[Problem]:
        """A problem for each field that is not one of `known`."""
        problems = []
        for name in sorted(self._values.keys() - set(known)):
            near = nearest(name, known)
            remedy = f"did you mean `{near}`?" if near else f"it knows {', '.join(known)}"
            problems.append(Problem(str(self.path), f"has no field `{name[:40]}`", remedy))
        return problems

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

    def chosen(self, key: str, known: Collection[str]) -> dict[str, str]:
        """An object whose values are names out of `known`, by default empty."""
        value = self._values.get(key, {})
        if not isinstance(value, dict) or not all(
            isinstance(each, str) and each in known for each in value.values()
        ):
            self._refuse(key, f"an object whose values are {' or '.join(map(repr, known))}")
        return dict(value)

    def pairs(
        self, key: str, most: tuple[float, float] = NO_END, least: float = 0.0
    ) -> dict[str, tuple[float, float]]:
        """An object whose values are lists of two numbers above 0, by default empty. They are at
        most `most`, and the second is at least `least`."""
        value = self._values.get(key, {})
        fits = isinstance(value, dict) and all(map(_is_pair, value.values()))
        if not fits or any(
            one > most[0] or not least <= other <= most[1] for one, other in value.values()
        ):
            ends = f", up to {most[0]:g}, and {least:g} to {most[1]:g}" if most != NO_END else ""
            self._refuse(key, f"an object of lists of two numbers above 0{ends}")
        return {name: (float(one), float(other)) for name, (one, other) in value.items()}

    def numbers(self, key: str, least: float, most: float = math.inf) -> dict[str, float]:
        """An object whose values are numbers from `least` to `most`, by default empty."""
        value = self._values.get(key, {})
        if not isinstance(value, dict) or not all(
            _is_number(each) and least <= each <= most for each in value.values()
        ):
            self._refuse(key, f"an object of numbers{_range(least, most)}")
        return {name: float(each) for name, each in value.items()}

    def rows(self, key: str, count: int, least: float, most: float) -> dict[str, tuple[float, ...]]:
        """An object whose values are lists of `count` numbers from `least` to `most`, by default
        empty."""
        value = self._values.get(key, {})
        lists = list(value.values()) if isinstance(value, dict) else [None]
        if not all(
            isinstance(row, list)
            and len(row) == count
            and all(_is_number(each) and least <= each <= most for each in row)
            for row in lists
        ):
            self._refuse(key, f"an object of lists of {count} numbers{_range(least, most)}")
        return {name: tuple(map(float, row)) for name, row in value.items()}

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._values.get(key, default)
        return value if isinstance(value, bool) else self._refuse(key, "true or false")

    def number(
        self, key: str, default: float, least: float = -math.inf, most: float = math.inf
    ) -> float:
        """A finite number from `least` to `most`."""
        value = self._values.get(key, default)
        if not _is_number(value) or not least <= value <= most:
            self._refuse(key, f"a number{_range(least, most)}")
        return float(value)

    def whole(self, key: str, default: int, least: int = 1) -> int:
        """A whole number from `least` to `LARGEST`."""
        value = self._values.get(key, default)
        if not _is_whole(value, least):
            self._refuse(key, f"a whole number of at least {least}")
        return int(value)

    def only(self, key: str, value: int) -> int:
        """The whole number `value`, the only one that will do."""
        found = self._values.get(key, value)
        if not _is_whole(found, 1) or found != value:
            self._refuse(key, f"a model's {value}: no other can be rendered")
        return value

    def wholes(self, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """One to `LONGEST` whole numbers from 1 to `LARGEST`."""
        value = self._values.get(key, list(default))
        fits = isinstance(value, list) and 1 <= len(value) <= LONGEST
        if not fits or not all(_is_whole(each, 1) for each in value):
            self._refuse(key, "a list of whole numbers, each of at least 1")
        return tuple(value)

    def _refuse(self, key: str, wanted: str) -> NoReturn:
        what = f"`{key}` is {reprlib.repr(self._values[key])}"
        raise ModelError(Problem(str(self.path), what, f"write {wanted}"))


class Gathered:
    """The problems of several look-ups, in their order."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def __call__(self, look_up: Callable[[], Found], instead: Found) -> Found:
        """What `look_up` gives; `instead` where it raises ModelError."""
        try:
            return look_up()
        except ModelError as error:
            self.problems += error.problems
            return instead


def _range(least: float, most: float) -> str:
    """In words, which numbers are meant."""
    if math.isfinite(most):
        return f" from {least:g} to {most:g}"
    return f" of at least {least:g}" if math.isfinite(least) else ""


def _is_pair(value: Any) -> bool:
    pair = isinstance(value, list) and len(value) == 2
    return pair and all(_is_number(each) and each > 0 for each in value)


def _is_number(value: Any) -> bool:
    # Not by math.isfinite, which raises for a whole number that no float can hold.
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and -sys.float_info.max <= value <= sys.float_info.max


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= LARGEST
