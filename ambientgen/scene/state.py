"""States as the rest of the house sees them: what is heard, how much of it when, in which words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ambientgen.curves import Curve, FloatArray


@dataclass(frozen=True, kw_only=True)
class State:
    """One sound of the scene.

    Attributes:
        name: its name in the file.
        curve: its level over time.
        levels: words for evenly spaced levels from 0 to 1, at least two; None (only first) is
            silence, left out of prompts.
        plain: a phrase for the sound at any level; if left out, its middle word.
    """

    name: str
    curve: Curve
    levels: tuple[str | None, ...]
    plain: str = ""

    def __post_init__(self) -> None:
        if not self.plain:
            object.__setattr__(self, "plain", self._middle_word())

    def _middle_word(self) -> str:
        middle = len(self.levels) // 2
        heard = [(abs(i - middle), word) for i, word in enumerate(self.levels) if word is not None]
        return min(heard)[1] if heard else self.name

    def value(self, times_s: FloatArray) -> FloatArray:
        """Levels in [0, 1], float64, of the shape of `times_s` (seconds from the scene's start)."""
        return self.curve.at(times_s)

    def bends_s(self, duration_s: float) -> tuple[float, ...]:
        """Sorted moments inside (0, `duration_s`) where the slope changes abruptly or it jumps."""
        return self.curve.bends_s(duration_s)

    def points_s(self, duration_s: float) -> tuple[float, ...]:
        """Sorted moments from 0 to `duration_s` at which its author drew a level."""
        return self.curve.points_s(duration_s)

    def steps_s(self, duration_s: float) -> tuple[float, ...]:
        """Sorted moments inside (0, `duration_s`) where the level jumps, as the author wished."""
        return self.curve.steps_s(duration_s)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "name": self.name,
            "plain": self.plain,
            "levels": list(self.levels),
            "curve": self.curve.to_json(),
        }
