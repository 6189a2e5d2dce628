"""From the mix to what is written: fades, gain and limiter, functions of absolute time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ambientgen.limiter import LimiterSettings, StreamLimiter, StretchLimiter
from ambientgen.mix.fades import Fades
from ambientgen.stream import FloatArray, Stretch

NO_FADES = Fades()


@dataclass(frozen=True)
class Master:
    """What is done to a mix of `rate` Hz, and, but for the limiter, to each of its stems alike.

    settings: of the limiter; its gain is the master's. fades: at their places of the scene.
    period: of a loop, in samples.
    """

    settings: LimiterSettings
    rate: int
    fades: Fades = NO_FADES
    period: int | None = None

    @property
    def gain(self) -> np.float32:
        """What the limiter multiplies samples with where it has nothing to do."""
        gain: np.float32 = np.float32(10.0 ** (self.settings.gain_db / 20.0))
        return gain

    def heard(self, samples: Stretch) -> Stretch:
        """What of the mix makes these samples: the limiter hears some around them."""
        return heard_of(samples, self.rate, self.settings, loop=self.period is not None)

    def prepared(self, block: FloatArray, first: int) -> FloatArray:
        """A block of the mix, or of a stem, from sample `first` on, with all but the gain."""
        return self.fades.faded(block, first)

    def limiter(self, first: int, samples: Stretch) -> StretchLimiter:
        """Gain and limiter: gets the prepared mix from sample `first` on, gives `samples`."""
        return StretchLimiter(self.settings, self.rate, first, samples, self.period)


def heard_of(samples: Stretch, rate: int, settings: LimiterSettings, loop: bool = False) -> Stretch:
    """The samples that the limiter hears around `samples`: none before 0, but in a loop."""
    limiter = StreamLimiter(settings, rate)
    first = samples[0] - limiter.context_before
    end = None if samples[1] is None else samples[1] + limiter.context_after
    return first if loop else max(first, 0), end
