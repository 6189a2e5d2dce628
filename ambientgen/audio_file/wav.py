"""WAV, written by ourselves so that it can go to a pipe, and samples without any header."""

from __future__ import annotations

from dataclasses import replace

from ambientgen.audio_file.audio_format import AudioFormat
from ambientgen.audio_file.byte_stream import ByteStream
from ambientgen.audio_file.encoding import Work
from ambientgen.audio_file.pcm import Samples, packed
from ambientgen.audio_file.tags import id3_bytes
from ambientgen.audio_file.wav_header import (
    frame_bytes,
    id3_chunk,
    info_chunk,
    padding,
    sampler_chunk,
    wav_header,
)


class Wav(AudioFormat):
    """PCM or float WAV, RF64 from 4 GB on; the same bytes to a file and to a pipe."""

    suffix = ".wav"
    can_pipe = True
    most_channels = 65535
    ambisonics = True

    def __init__(self, stream: ByteStream, work: Work) -> None:
        self._stream = stream
        self._work = work
        self._written = 0
        shape = work.shape
        # Of a file whose length is not known the header is put right at the end.
        self._mend = stream.seekable and shape.total_samples is None
        # To a pipe of unknown length nothing can follow: its reader knows no end of the samples.
        self._tail = _tail(work) if stream.seekable or shape.total_samples is not None else b""
        behind = 0 if shape.total_samples is None else _behind(work, self._tail)
        stream.write(wav_header(shape, work.bits, behind, self._mend))

    def write(self, pcm: Samples) -> None:
        self._stream.write(packed(pcm))
        self._written += len(pcm)

    def finish(self) -> None:
        if self._tail or self._mend or self._work.shape.total_samples is not None:
            self._stream.write(padding(self._data_bytes()) + self._tail)
        if self._mend:
            shape = replace(self._work.shape, total_samples=self._written)
            behind = len(padding(self._data_bytes())) + len(self._tail)
            self._stream.rewrite_start(wav_header(shape, self._work.bits, behind, True))

    def _data_bytes(self) -> int:
        return self._written * frame_bytes(self._work.shape, self._work.bits)

    @staticmethod
    def file_bytes(work: Work) -> int | None:
        total = work.shape.total_samples
        if total is None:
            return None
        header = len(wav_header(work.shape, work.bits))
        return header + total * frame_bytes(work.shape, work.bits) + _behind(work, _tail(work))


def _tail(work: Work) -> bytes:
    """The chunks behind the samples: readers that know none of them find the samples first."""
    chunks = sampler_chunk(work.shape) + info_chunk(work.tags)
    return chunks + id3_chunk(id3_bytes(work.tags, work.shape.loop))


def _behind(work: Work, tail: bytes) -> int:
    """Bytes behind the samples of a known number."""
    data_bytes = (work.shape.total_samples or 0) * frame_bytes(work.shape, work.bits)
    return len(padding(data_bytes)) + len(tail)


class Pcm(AudioFormat):
    """The samples alone, little-endian: for pipes whose reader knows what they are."""

    suffix = ".pcm"
    can_pipe = True
    most_channels = 65535
    ambisonics = True

    def __init__(self, stream: ByteStream, work: Work) -> None:
        self._stream = stream

    def write(self, pcm: Samples) -> None:
        self._stream.write(packed(pcm))

    def finish(self) -> None:
        return
