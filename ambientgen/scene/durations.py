"""Times as a scene writes them: `90s`, `5m`, `1h30m`, `500ms`, `50%`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal

from ambientgen.scene.faults import shown
from ambientgen.scene.text import named

PATTERN = r"^(?=[0-9])([0-9]+(\.[0-9]+)?h)?([0-9]+(\.[0-9]+)?m)?([0-9]+(\.[0-9]+)?s)?([0-9]+ms)?$"
"""Regular expression of a duration, without percentages; also what the JSON Schema says."""

PERCENT_PATTERN = r"^[0-9]+(\.[0-9]+)?%$"

_PARTS = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>ms|h|m|s)")
_LONGEST_TEXT = 40  # no honest duration is longer, and float() of thousands of digits is slow
_UNIT_MS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_SPELLINGS = {  # what people write, longest first, so that `min` is not `m` + `in`
    "ms": ("milliseconds", "millisecond", "millis", "msec"),
    "h": ("hours", "hour", "hrs", "hr"),
    "m": ("minutes", "minute", "mins", "min"),
    "s": ("seconds", "second", "secs", "sec"),
}


@dataclass(frozen=True)
class Span:
    """A stretch of time: so many seconds, or a share of the scene's whole duration."""

    seconds: float = 0.0
    share: float | None = None

    def resolve(self, duration_s: float) -> float:
        """Seconds in a scene of `duration_s`."""
        return self.seconds if self.share is None else self.share * duration_s


class DurationError(ValueError):
    """The text is no duration. Carries what is wrong and what to write instead."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


def parse_span(value: object, *, percent: bool = False) -> Span:
    """The `Span` that a scene's value or key means.

    Raises:
        DurationError: with the remedy, for bare numbers, negative, misspelt or percent spans where
            none may stand.
    """
    text = _as_text(value)
    if re.match(PERCENT_PATTERN, text):
        if not percent:
            raise DurationError(
                f"`{text}` is a share, where only a time can stand", "write a time such as `90s`"
            )
        return Span(share=float(text[:-1]) / 100.0)
    if len(text) <= _LONGEST_TEXT and re.match(PATTERN, text):
        # Exactly, and rounded once: `4.1m` is `4m6s`.
        found = _PARTS.finditer(text)
        whole_ms = sum(Decimal(part["number"]) * _UNIT_MS[part["unit"]] for part in found)
        return Span(float(whole_ms / 1000))
    raise _explained(text, percent)


def is_time(text: str) -> bool:
    """Whether a key could be a point's time."""
    try:
        parse_span(text, percent=True)
    except DurationError:
        return False
    return True


def spell(seconds: float) -> str:
    """Seconds as a scene writes them: 5400 is `1h30m`, 0.5 is `500ms`, 90 is `1m30s`.

    Infinitely many are `endless`.
    """
    if seconds == math.inf:
        return "endless"
    whole_ms = round(seconds * 1000)
    hours, rest = divmod(whole_ms, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    whole_s, left_ms = divmod(rest, 1000)
    parts = ((hours, "h"), (minutes, "m"), (whole_s, "s"), (left_ms, "ms"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def shown_time(seconds: float) -> str:
    """Seconds in a message: spelt out, unless they are past all reason."""
    return spell(seconds) if seconds < 1e9 else "longer than a lifetime"


def _as_text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DurationError(f"{shown(value)} is not a time", "write a time such as `90s` or `5m`")
    return str(value).strip()


def _explained(text: str, percent: bool) -> DurationError:
    said = named(text)
    usual = "write a time such as `90s`, `5m` or `1h30m`" + (", or a share: `50%`" * percent)
    if text.startswith("-"):
        return DurationError(
            f"{said} is a negative time", "times count from the start: `0s`, `90s`"
        )
    if text in ("0", "0.0"):
        return DurationError(f"{said} has no unit", "write `0s`")
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return DurationError(
            f"{said} has no unit", f"write {named(text + 's')} or {named(text + 'm')}"
        )
    guess = _guess(text)
    if guess:
        return DurationError(f"{said} is not a time", f"write `{guess}`")
    return DurationError(f"{said} is not a time", usual)


def _guess(text: str) -> str:
    """The duration that was probably meant (`1:30` is `1m30s`, `5 min` is `5m`), or nothing."""
    clock = re.fullmatch(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2}(?:\.\d+)?)", text)
    if clock:
        hours, minutes, seconds = (float(part or 0) for part in clock.groups())
        return spell(hours * 3600 + minutes * 60 + seconds)
    short = re.sub(r"(?<=[0-9]),(?=[0-9]+ *[a-z])", ".", text[:_LONGEST_TEXT].lower())  # 1,5 m
    short = re.sub(r"[\s,]+", "", short)
    for unit, spellings in _SPELLINGS.items():
        for spelling in spellings:
            short = re.sub(rf"(?<=[0-9]){spelling}(?![a-z])", unit, short)
    return short if short and re.match(PATTERN, short) else ""
