"""Options that are numbers, and what is said of those that are none."""

from __future__ import annotations

import re
from collections.abc import Callable

from ambientgen.errors import Problem, UsageError


def whole_number(option: str, example: int, within: range | None = None) -> Callable[[str], int]:
    """A reader of `option`, whose value is a whole number, of those in `within` if given.

    It raises UsageError for anything else.
    """

    def read(text: str) -> int:
        # int() alone would take 1_000, and gives up on thousands of digits
        if not re.fullmatch(r"[+-]?[0-9]{1,100}", text):
            raise _wrong(option, f"`{text}` is no whole number", example)
        value = int(text)
        if within is not None and value not in within:
            what = f"`{text}` is not between {within[0]} and {within[-1]}"
            raise _wrong(option, what, example)
        return value

    return read


def number(option: str, example: float) -> Callable[[str], float]:
    """A reader of `option`, whose value is a number. It raises UsageError for anything else."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = None
        if value is None or "_" in text:  # float() alone would take 1_0
            raise _wrong(option, f"`{text}` is no number", example)
        return value

    return read


def _wrong(option: str, what: str, example: float) -> UsageError:
    return UsageError(Problem(option, what, f"write for example `{option} {example}`"))
