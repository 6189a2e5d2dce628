"""What is asked for of a scene: how long, and which stretch of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from ambientgen.errors import Problem, UsageError
from ambientgen.scene.durations import spell
from ambientgen.stream import Stretch
from ambientgen.units import samples_at

Between = tuple[float | None, float | None]
"""A stretch in seconds; None is the start, or the end."""

WHOLE: Between = (None, None)


@dataclass(frozen=True)
class Asked:
    """What was asked for besides the scene.

    duration_s: a length instead of its own, which crops it, or holds its last values up to then (a
    loop goes round); infinite: it never ends. between_s: only that stretch of it.
    """

    duration_s: float | None = None
    between_s: Between = WHOLE

    def length_s(self, own_s: float) -> float:
        """How long the whole is of a scene that lasts `own_s`; infinite: it never ends.

        What never ends by itself, and is asked for to some moment, is a whole that ends there.
        """
        length_s = own_s if self.duration_s is None else self.duration_s
        end_s = self.between_s[1]
        return end_s if length_s == math.inf and end_s is not None else length_s

    def ended(self, own_s: float) -> Asked:
        """The same of a scene that lasts `own_s`, with a length that says where it ends."""
        length_s = self.length_s(own_s)
        if length_s == own_s and self.duration_s != math.inf:
            return self
        return replace(self, duration_s=length_s)

    def stretch(self, own_s: float, rate: int) -> Stretch:
        """First sample, at `rate` Hz, and end, of a scene that lasts `own_s`; None: it never ends.

        Raises:
            UsageError: for a duration or a stretch that is none.
        """
        length_s = self.length_s(own_s)
        endless = length_s == math.inf
        if not endless and not (math.isfinite(length_s) and samples_at(length_s, rate) > 0):
            problem = (
                f"`{length_s:.9g}s` is no sample long"
                if length_s > 0
                else f"`{length_s:g}` is no duration"
            )
            raise UsageError(Problem("--duration", problem, "write a time such as `90s` or `5m`"))
        from_s, to_s = self.between_s
        for option, time_s, last_s in (("--from", from_s, length_s), ("--to", to_s, length_s)):
            if time_s is not None and not 0.0 <= time_s < math.inf:
                what = f"`{time_s:g}s` is no moment of a sound"
                raise UsageError(Problem(option, what, "write a time such as `90s` or `5m`"))
            if time_s is not None and time_s > last_s:
                what = f"`{spell(time_s)}` lies past the end at {spell(last_s)}"
                before = "less than" if option == "--from" else "at most"
                raise UsageError(Problem(option, what, f"write {before} `{spell(last_s)}`"))
        begin_s, end_s = from_s or 0.0, length_s if to_s is None else to_s
        first, end = samples_at(begin_s, rate), None if endless else samples_at(end_s, rate)
        if end is not None and first >= end:
            what = f"there is nothing between `{spell(begin_s)}` and `{spell(end_s)}`"
            if begin_s < end_s:
                what = f"there is no sample between `{begin_s:.9g}s` and `{end_s:.9g}s`"
            raise UsageError(Problem("--from", what, "write a time before the end"))
        return first, end

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        from_s, to_s = self.between_s
        return {"duration_s": self.duration_s, "from_s": from_s, "to_s": to_s}


AS_WRITTEN = Asked()
"""Nothing besides the scene: all of it, as long as it says."""


def check_moment(time_s: float, between_s: tuple[float, float]) -> None:
    """Refuse a time that is not in a sound. Raises UsageError."""
    start_s, end_s = between_s
    if not (start_s <= time_s <= end_s and math.isfinite(time_s)):
        asked = spell(time_s) if math.isfinite(time_s) else f"{time_s:g}s"
        until = "on" if end_s == math.inf else f"to `{spell(end_s)}`"
        remedy = f"write a time from `{spell(start_s)}` {until}"
        raise UsageError(Problem("--at", f"the sound has no moment `{asked}`", remedy))
