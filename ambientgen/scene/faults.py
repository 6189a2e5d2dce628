"""What is wrong at a path of a scene, before the path becomes a line and a column."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from ambientgen.scene.text import named

_NEAR = 0.65  # difflib's ratio: `rian` is `rain`, `bees` is not `leaves`

ScenePath = tuple[int | str, ...]
"""A place in a scene: keys and indices from its root."""


@dataclass(frozen=True)
class Fault:
    """Something wrong at `path`, and the remedy."""

    path: ScenePath
    what: str
    remedy: str
    at_key: bool = False


def refuse(*faults: Fault) -> NoReturn:
    """Raise the faults inside a pydantic validator; their paths count from the validated value."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError(
                "scene", "{what}", {"what": f.what, "remedy": f.remedy, "at_key": f.at_key}
            ),
            loc=f.path,
            input=None,
        )
        for f in faults
    ]
    raise ValidationError.from_exception_data("scene", details)


def shown(value: object) -> str:
    """A scene's value as a message quotes it: short, on one line."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = f'"{value}"' if isinstance(value, str) else str(value).lower()
    return named(text).strip("`")


def nearest(name: str, names: Iterable[str]) -> str:
    """The one of `names` that was probably meant, or nothing."""
    found: Sequence[str] = difflib.get_close_matches(name.lower()[:60], list(names), 1, _NEAR)
    return found[0] if found else ""


def listed(names: Iterable[str], last: str = "or") -> str:
    """`a`, `b` or `c`."""
    quoted = [f"`{name}`" for name in names]
    return f" {last} ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))
