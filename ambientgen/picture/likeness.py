"""How alike a scene's moments are, as a value: what `meaning` finds and pictures show."""

from __future__ import annotations

from dataclasses import dataclass

from ambientgen.picture.timeline import FloatArray


@dataclass(frozen=True)
class Likeness:
    """Cosines, -1 to 1, of the LOA at `times_s` (n,) with that of two of its moments.

    other: which the second is, the `end`; in a loop, whose end is its start, the `middle`.

    steps: (time in seconds, cosine) of each keyframe with the one before.
    """

    times_s: FloatArray
    to_start: FloatArray
    to_other: FloatArray
    other: str
    steps: tuple[tuple[float, float], ...] = ()

    @property
    def low(self) -> float:
        """The lowest cosine of all."""
        steps = [cosine for _, cosine in self.steps]
        return min(float(self.to_start.min()), float(self.to_other.min()), *(steps or [1.0]))
