"""File formats, one class each, and their registry.

A new format is a class here or in a file of its own, and its name in `FORMATS`.
"""

from __future__ import annotations

import errno
import importlib
import os
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ambientgen.audio_file.byte_stream import ByteStream
from ambientgen.audio_file.pcm import SAMPLE_BYTES
from ambientgen.audio_file.wav_header import wav_header
from ambientgen.errors import OutputError, Problem

_NO_ROOM_BYTES = 1 << 16  # an encoder's buffer: a disk with less left was full when it flushed


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


class AudioFormat(ABC):
    """Turns 16-bit samples into a file's bytes.

    Built with an open stream, it writes what comes before the samples; `write` takes blocks
    (n, channels); `finish` writes what comes after them. All three may raise OSError.
    """

    suffix: ClassVar[str]  # with its dot, lower case
    can_pipe: ClassVar[bool]  # can be written without seeking

    @abstractmethod
    def __init__(self, stream: ByteStream, shape: Shape) -> None: ...

    @abstractmethod
    def write(self, pcm: NDArray[np.int16]) -> None:
        """Write samples (n, channels)."""

    @abstractmethod
    def finish(self) -> None:
        """Write the end; the stream stays open."""

    def abandon(self) -> None:
        """Let go of anything but the stream, after an error."""
        return

    @staticmethod
    def file_bytes(shape: Shape) -> int | None:
        """Size of the file, where it can be known beforehand."""
        return None


class Wav(AudioFormat):
    """16-bit PCM WAV, RF64 from 4 GB on; the same bytes to a file and to a pipe."""

    suffix = ".wav"
    can_pipe = True

    def __init__(self, stream: ByteStream, shape: Shape) -> None:
        self._stream = stream
        self._shape = shape
        self._written = 0
        # Of a file whose length is not known the header is put right at the end.
        self._mend = stream.seekable and shape.total_samples is None
        stream.write(self._header(shape.total_samples))

    def write(self, pcm: NDArray[np.int16]) -> None:
        self._stream.write(pcm.tobytes())
        self._written += len(pcm)

    def finish(self) -> None:
        if self._mend:
            self._stream.rewrite_start(self._header(self._written))

    def _header(self, total_samples: int | None) -> bytes:
        shape = self._shape
        return wav_header(shape.sample_rate, shape.channels, total_samples, self._mend)

    @staticmethod
    def file_bytes(shape: Shape) -> int | None:
        if shape.total_samples is None:
            return None
        header = wav_header(shape.sample_rate, shape.channels, shape.total_samples)
        return len(header) + shape.total_samples * shape.channels * SAMPLE_BYTES


class Pcm(AudioFormat):
    """The samples alone, 16 bits, little-endian: for pipes whose reader knows what they are."""

    suffix = ".pcm"
    can_pipe = True

    def __init__(self, stream: ByteStream, shape: Shape) -> None:
        self._stream = stream

    def write(self, pcm: NDArray[np.int16]) -> None:
        self._stream.write(pcm.tobytes())

    def finish(self) -> None:
        return


class Flac(AudioFormat):
    """16-bit FLAC through libsndfile, which must seek.

    libsndfile gets the descriptor itself. Handing it Python callbacks instead would lose a
    Ctrl-C that arrives inside one. It keeps quiet about errors in the last frames, so `finish`
    reads the end back.
    """

    suffix = ".flac"
    can_pipe = False

    def __init__(self, stream: ByteStream, shape: Shape) -> None:
        try:
            self._soundfile: Any = importlib.import_module("soundfile")
        except (ImportError, OSError) as error:  # OSError: its C library is missing
            raise OutputError(
                Problem(
                    stream.path or "",
                    f"FLAC needs the soundfile package ({error})",
                    "run `pip install soundfile`, or write .wav",
                )
            ) from error
        self._path = stream.path
        self._written = 0
        self._last = np.empty((0, shape.channels), np.int16)
        self._file: Any = None
        self._file = self._guarded(
            self._soundfile.SoundFile,
            stream.descriptor,
            "w",
            samplerate=shape.sample_rate,
            channels=shape.channels,
            format="FLAC",
            subtype="PCM_16",
            closefd=False,
        )

    def write(self, pcm: NDArray[np.int16]) -> None:
        if len(pcm):
            self._guarded(self._file.write, pcm)
            self._written += len(pcm)
            self._last = pcm[-1:].copy()

    def finish(self) -> None:
        self._guarded(self._file.close)
        if self._written:
            read, _rate = self._guarded(
                self._soundfile.read,
                self._path,
                start=self._written - 1,
                dtype="int16",
                always_2d=True,
            )
            if not np.array_equal(read, self._last):
                raise self._failure()

    def abandon(self) -> None:
        if self._file is not None and not self._file.closed:
            try:
                self._file.close()
            except (self._soundfile.SoundFileError, OSError):
                return  # the file is thrown away

    def _guarded(self, call: Any, *arguments: Any, **options: Any) -> Any:
        """Call into libsndfile; what goes wrong there becomes an OSError that names its cause."""
        try:
            return call(*arguments, **options)
        except (self._soundfile.SoundFileError, AssertionError) as error:
            raise self._failure() from error

    def _failure(self) -> OSError:
        """libsndfile does not pass on why a write failed: a full disk is told by looking."""
        room = shutil.disk_usage(os.path.dirname(self._path or "") or ".")
        code = errno.ENOSPC if room.free < _NO_ROOM_BYTES else errno.EIO
        return OSError(code, os.strerror(code))


FORMATS: dict[str, type[AudioFormat]] = {"wav": Wav, "flac": Flac}

STREAM_FORMATS: dict[str, type[AudioFormat]] = {**FORMATS, "pcm": Pcm}
"""Those, and what can go to a pipe alone."""
