"""The formats that libsndfile writes: FLAC, Ogg Vorbis, Opus and MP3."""

from __future__ import annotations

import errno
import importlib
import os
import shutil
from typing import Any, ClassVar

import numpy as np

from ambientgen.audio_file.audio_format import AudioFormat
from ambientgen.audio_file.byte_stream import ByteStream
from ambientgen.audio_file.encoding import Work
from ambientgen.audio_file.mp3 import all_bytes_there
from ambientgen.audio_file.ogg import DamagedOgg, settle
from ambientgen.audio_file.opened import opened
from ambientgen.audio_file.opus_loop import OpusLoop
from ambientgen.audio_file.pcm import Samples
from ambientgen.audio_file.tags import ID3_VERSION, id3_tag, vorbis_comments
from ambientgen.errors import OutputError, Problem

_NO_ROOM_BYTES = 1 << 16  # an encoder's buffer: a disk with less left was full when it flushed
_PIECE = 4096
"""Samples that libsndfile gets at a time, counted from the file's start: encoders may cut their
output by what they are given, and its Vorbis encoder keeps a whole block on the stack."""

_VORBIS_ORDER: dict[int, tuple[int, ...]] = {6: (0, 2, 1, 4, 5, 3)}
"""Of FL FR FC LFE BL BR: FL FC FR BL BR LFE (Vorbis I, 4.3.9; of Opus RFC 7845, 5.1.1.2).
libsndfile hands channels on as they come."""


class _Library(AudioFormat):
    """What libsndfile writes; it must seek.

    libsndfile gets the descriptor itself. Handing it Python callbacks instead would lose a
    Ctrl-C that arrives inside one. It keeps quiet about errors in the last frames, so `finish`
    reads the end back.
    """

    can_pipe = False
    container: ClassVar[str]
    coding: ClassVar[str]  # libsndfile's name of the subtype
    order: ClassVar[dict[int, tuple[int, ...]]] = {}  # of channels, by their number
    compression: ClassVar[float | None] = None  # 0 (best) to 1; None: libsndfile's own

    def __init__(self, stream: ByteStream, work: Work) -> None:
        self._soundfile = self._needed("soundfile", stream)
        if work.tags or work.shape.loop is not None or self.container == "OGG":
            self._needed("mutagen", stream)
        self._path = stream.path or ""
        self._work = work
        self._written = 0
        self._piece: list[Samples] = []
        self._last: Samples | None = None
        self._file: Any = None
        self._file = self._guarded(
            self._soundfile.SoundFile,
            stream.descriptor,
            "w",
            samplerate=work.shape.sample_rate,
            channels=work.shape.channels,
            format=self.container,
            subtype=self._subtype(),
            closefd=False,
            compression_level=self.compression,
        )

    def write(self, pcm: Samples) -> None:
        if len(pcm):
            self._written += len(pcm)
            self._last = pcm[-1:].copy()
            self._take(pcm)

    def finish(self) -> None:
        self._encode(last=True)
        self._guarded(self._file.close)
        if self._written:  # of nothing at all libsndfile makes a file that holds no stream
            self._guarded(self._settle)
            self._guarded(self._tag)
            self._guarded(self._check_end)

    def abandon(self) -> None:
        if self._file is not None and not self._file.closed:
            try:
                self._file.close()
            except (self._soundfile.SoundFileError, OSError):
                return  # the file is thrown away

    def _take(self, pcm: Samples) -> None:
        """Let samples wait until there is a piece of them."""
        order = self.order.get(pcm.shape[1])
        self._piece.append(pcm if order is None else pcm[:, order])
        if sum(map(len, self._piece)) >= _PIECE:
            self._encode(last=False)

    def _encode(self, last: bool) -> None:
        if not self._piece:
            return
        waiting = np.concatenate(self._piece)
        whole = len(waiting) if last else len(waiting) // _PIECE * _PIECE
        for begin in range(0, whole, _PIECE):
            piece = np.ascontiguousarray(waiting[begin : min(begin + _PIECE, whole)])
            self._guarded(self._file.write, self._given(piece))
        self._piece = [waiting[whole:]]

    def _subtype(self) -> str:
        return self.coding

    def _given(self, piece: Samples) -> Samples:
        """Samples as libsndfile wants them."""
        return piece

    def _settle(self) -> None:
        """Put right what libsndfile cannot be told; the file is closed."""
        return

    def _tag(self) -> None:
        """Write the tags into the closed file."""
        raise NotImplementedError

    def _check_end(self) -> None:
        """The last sample can be read, and is the last."""
        with opened(self._path) as file:
            file.seek(self._written - 1)
            read = file.read(2, dtype=self._read_type(), always_2d=True)
        if len(read) != 1 or not (self.lossy or np.array_equal(read, self._given(self._end()))):
            raise self._failure()

    def _end(self) -> Samples:
        assert self._last is not None
        return self._last

    def _read_type(self) -> str:
        return "float32" if self.lossy else "int16" if self._work.bits == "16" else "int32"

    def _guarded(self, call: Any, *arguments: Any, **options: Any) -> Any:
        """Call into a library; what goes wrong there becomes an OSError that names its cause."""
        try:
            return call(*arguments, **options)
        except (self._soundfile.SoundFileError, AssertionError, DamagedOgg) as error:
            raise self._failure() from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] == "mutagen":
                raise self._failure() from error
            raise

    def _failure(self) -> OSError:
        """Libraries do not pass on why a write failed: a full disk is told by looking."""
        room = shutil.disk_usage(os.path.dirname(self._path) or ".")
        code = errno.ENOSPC if room.free < _NO_ROOM_BYTES else errno.EIO
        return OSError(code, os.strerror(code))

    def _needed(self, package: str, stream: ByteStream) -> Any:
        try:
            return importlib.import_module(package)
        except (ImportError, OSError) as error:  # OSError: its C library is missing
            what = f"{self.suffix[1:].upper()} needs the {package} package ({error})"
            remedy = f"run `pip install {package}`, or write .wav"
            raise OutputError(Problem(stream.path or "", what, remedy)) from error


class Flac(_Library):
    """FLAC of 16 or 24 bits."""

    suffix = ".flac"
    container = "FLAC"
    coding = "PCM_16"
    depths = ("16", "24")
    ambisonics = True

    def _subtype(self) -> str:
        return "PCM_24" if self._work.bits == "24" else "PCM_16"

    def _given(self, piece: Samples) -> Samples:
        """Of 24 bits in the upper ones of 32."""
        return piece if piece.dtype == np.dtype("<i2") else piece << 8

    def _tag(self) -> None:
        comments = vorbis_comments(self._work.tags, self._work.shape.loop)
        if self._work.shape.channels > 2:  # as FLAC's own tools and ffmpeg write and read it
            mask = f"0x{self._work.shape.speaker_mask:04X}"
            comments.append(("WAVEFORMATEXTENSIBLE_CHANNEL_MASK", mask))
        _comment("mutagen.flac", "FLAC", self._path, comments)


class Vorbis(_Library):
    """Ogg Vorbis at quality 6: stereo noise at 48 kHz takes some 200 kbit/s.

    At libsndfile's own (4) it joins channels: noises that have nothing in common come back with a
    correlation of 0.61, so that a wide sound loses its width. From quality 6 on they keep apart.

    Decoders give back as many samples as went in. The encoder goes on before the first and behind
    the last sample by prediction, so that a loop's joint errs less than the rest.
    """

    suffix = ".ogg"
    container = "OGG"
    coding = "VORBIS"
    lossy = True
    compression = 0.4
    order = _VORBIS_ORDER

    def _settle(self) -> None:
        settle(self._path)

    def _tag(self) -> None:
        comments = vorbis_comments(self._work.tags, self._work.shape.loop)
        _comment("mutagen.oggvorbis", "OggVorbis", self._path, comments)


class Opus(_Library):
    """Opus in Ogg, some 215 kbit/s in stereo. A loop is encoded with what lies around its joint.

    At libsndfile's own bitrate (123 kbit/s) channels with a correlation of 0.7 come back with 0.8.
    """

    suffix = ".opus"
    container = "OGG"
    coding = "OPUS"
    lossy = True
    compression = 0.6
    rates = (8000, 12000, 16000, 24000, 48000)
    order = _VORBIS_ORDER

    def __init__(self, stream: ByteStream, work: Work) -> None:
        super().__init__(stream, work)
        self._loop: OpusLoop | None = None
        if work.shape.loop is not None:
            self._loop = OpusLoop(self._path, work.shape)

    def _take(self, pcm: Samples) -> None:
        if self._loop is None:
            super()._take(pcm)
        else:
            self._loop.keep(pcm)

    def finish(self) -> None:
        if self._loop is not None:
            for block in self._loop.around():
                super()._take(block)
        super().finish()

    def abandon(self) -> None:
        super().abandon()
        if self._loop is not None:
            self._loop.close()

    def _settle(self) -> None:
        if self._loop is None:
            settle(self._path)
        else:
            settle(self._path, self._loop.before_ticks, self._loop.behind_ticks)

    def _tag(self) -> None:
        loop = self._work.shape.loop
        if loop is not None:  # decoders give 48 kHz whatever went in
            ticks = 48000 // self._work.shape.sample_rate
            loop = loop[0] * ticks, loop[1] * ticks
        comments = vorbis_comments(self._work.tags, loop)
        _comment("mutagen.oggopus", "OggOpus", self._path, comments)


class Mp3(_Library):
    """MP3 at libsndfile's quality. Few players leave its padding out, so loops have a gap."""

    suffix = ".mp3"
    container = "MP3"
    coding = "MPEG_LAYER_III"
    lossy = True
    gapless = False
    rates = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
    most_channels = 2

    def _check_end(self) -> None:
        """As many bytes are there as the first frame counts, and they are that many samples.

        Nothing is decoded: libmpg123 calls a good end an error where it comes by a jump.
        """
        with opened(self._path) as file:
            told = file.frames
        whole = all_bytes_there(self._path)
        if whole is None:
            super()._check_end()
        elif not whole or told != self._written:
            raise self._failure()

    def _tag(self) -> None:
        tag = id3_tag(self._work.tags, self._work.shape.loop)
        if tag is not None:
            tag.save(self._path, v1=0, v2_version=ID3_VERSION, padding=lambda _info: 0)


def _comment(module: str, kind: str, path: str, comments: list[tuple[str, str]]) -> None:
    """Put Vorbis comments into a file."""
    if not comments:
        return
    file: Any = getattr(importlib.import_module(module), kind)(path)
    if file.tags is None:
        file.add_tags()
    for key, text in comments:
        file[key] = [text]
    file.save(padding=lambda _info: 0)
