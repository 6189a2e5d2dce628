"""What every file format does, and how it says what it cannot do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ambientgen.audio_file.byte_stream import ByteStream
from ambientgen.audio_file.encoding import Encoding, Shape, Work
from ambientgen.audio_file.pcm import DEPTHS, Samples


class AudioFormat(ABC):
    """Turns samples into a file's bytes.

    Built with an open stream, it writes what comes before the samples; `write` takes blocks
    (n, channels) as `pcm.to_pcm` makes them of `work.bits`, of a lossy format float32; `finish`
    writes what comes after them. All three may raise OSError.
    """

    suffix: ClassVar[str]  # with its dot, lower case
    can_pipe: ClassVar[bool]  # can be written without seeking
    lossy: ClassVar[bool] = False  # takes floats, and gives others back
    gapless: ClassVar[bool] = True  # has no more samples when decoded than it was given
    depths: ClassVar[tuple[str, ...]] = tuple(DEPTHS)  # of what is not lossy
    rates: ClassVar[tuple[int, ...]] = ()  # in Hz; empty: any
    most_channels: ClassVar[int] = 8
    ambisonics: ClassVar[bool] = False  # can say that channels are no loudspeakers

    @abstractmethod
    def __init__(self, stream: ByteStream, work: Work) -> None: ...

    @abstractmethod
    def write(self, pcm: Samples) -> None:
        """Write samples (n, channels)."""

    @abstractmethod
    def finish(self) -> None:
        """Write the end; the stream stays open."""

    def abandon(self) -> None:
        """Let go of anything but the stream, after an error."""
        return

    @staticmethod
    def file_bytes(work: Work) -> int | None:
        """Size of the file, where it can be known beforehand."""
        return None

    @classmethod
    def refusal(cls, encoding: Encoding, shape: Shape | None) -> tuple[str, str] | None:
        """What this format cannot write of that, and the remedy; None: it can write it."""
        name = cls.suffix[1:]
        if not cls.lossy and encoding.bits not in cls.depths:
            remedy = f"choose {_either(cls.depths)}"
            if encoding.bits in DEPTHS:
                remedy += ", or write .wav"
            return f"{name} cannot hold samples of {encoding.bits} bits", remedy
        if shape is None:
            return None
        if cls.rates and shape.sample_rate not in cls.rates:
            rates = _either([str(rate) for rate in cls.rates if rate >= _LEAST_RATE])
            remedy = f"choose {rates}, or write .flac"
            return f"{name} has no sample rate of {shape.sample_rate} Hz", remedy
        if shape.channels > cls.most_channels:
            what = f"{name} holds at most {cls.most_channels} channels, not {shape.channels}"
            return what, "choose the layout mono or stereo, or write .flac"
        if shape.layout == "ambisonics" and not cls.ambisonics:
            what = f"{name} cannot say that its channels are ambisonics"
            return what, "write .wav or .flac, or choose another layout"
        return None


_LEAST_RATE = 16000  # of what scenes may ask for


def _either(names: list[str] | tuple[str, ...]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
