"""How a sound is to be written, and what it is made of: plain values, known before any sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NO_TAGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Encoding:
    """How samples become a file's.

    format_name: a name in `FORMATS`; None: as the file's suffix says. bits: "16", "24" or "32f", of
    formats that keep samples as they are; the others take floats. dither_seed: keys the noise that
    hides the rounding to 16 and 24 bits; None: plain rounding.
    """

    format_name: str | None = None
    bits: str = "16"
    dither_seed: int | None = None


@dataclass(frozen=True)
class Shape:
    """What a sound is made of, counted in samples per channel.

    total_samples: None where it has no end. layout: what the channels are, as scenes name it; None:
    as their number says. first_sample: the absolute place of the file's first sample in the scene.
    period: after so many samples the sound is the same again; None: it never is.
    """

    sample_rate: int
    channels: int
    total_samples: int | None
    layout: str | None = None
    first_sample: int = 0
    period: int | None = None

    @property
    def loop(self) -> tuple[int, int] | None:
        """First sample and length of the file's loop: all of it, if it holds whole turns."""
        if not self.period or not self.total_samples or self.total_samples % self.period:
            return None
        return 0, self.total_samples

    @property
    def speaker_mask(self) -> int:
        """The channels' places as WAVEFORMATEXTENSIBLE's bits; 0 where they are no loudspeakers.

        Source: Microsoft's ksmedia.h. Front left 1, right 2, centre 4, low frequencies 8, back
        left 16, right 32. Ambisonics has none: the signals stand for directions, not for
        loudspeakers.
        """
        if self.layout == "ambisonics":
            return 0
        return {1: 0x4, 2: 0x3, 4: 0x33, 6: 0x3F}.get(self.channels, 0)


@dataclass(frozen=True)
class Work:
    """All that a format needs to know besides the samples. tags: see `tags.tags_for`."""

    shape: Shape
    bits: str = "16"
    tags: Mapping[str, str] = field(default_factory=dict)
