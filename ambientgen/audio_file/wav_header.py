"""The chunks of a WAV file around its samples, known before the first: they need no seeking.

Layout: RIFF/WAVE (Microsoft & IBM, "Multimedia Programming Interface", 1991; its `smpl` chunk:
"Multiple Channel Audio Data and WAVE Files" and the 1994 update); RF64 (EBU Tech 3306) where 32-bit
sizes do not reach, that is from 4 GB on.

Two channels of 16 bits have the plain `fmt ` chunk. More channels, or integers of more bits, want
WAVE_FORMAT_EXTENSIBLE (Microsoft, "Multiple channel audio data and WAVE files", 2001). Floats of
one or two channels are WAVE_FORMAT_IEEE_FLOAT, which the standard has for them.

First-order ambisonics is extensible with a mask of 0. The sub-format that says "ambisonic B format"
(Dobson, "The AMBX file format", 2000: 00000001-0721-11D3-8644-C8C1CA000000) means channels W X Y Z
with W lowered by 3 dB; ours are W Y Z X in SN3D (Nachbar et al., "AmbiX", 2011), which it would
tell wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from ambientgen.audio_file.encoding import Shape
from ambientgen.audio_file.pcm import DEPTHS

_UNKNOWN = 0xFFFFFFFF  # RIFF: "size not known", as streaming writers have it; RF64: "see ds64"
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUB_FORMAT = bytes.fromhex("000000001000800000aa00389b71")  # of the GUID, behind the format tag
_DS64_BYTES = 28  # RIFF size, data size, sample count (64 bits each), length of an empty table
_MIDDLE_C = 60  # the MIDI note at which the loop sounds as it is
_INFO = {"title": b"INAM", "comment": b"ICMT", "encoder": b"ISFT"}


def frame_bytes(shape: Shape, bits: str) -> int:
    """Bytes of one sample of all channels."""
    return shape.channels * DEPTHS[bits]


def wav_header(
    shape: Shape, bits: str = "16", behind_bytes: int = 0, reserve: bool = False
) -> bytes:
    """The bytes before the samples.

    shape: its `total_samples` None: not known, sizes say so. behind_bytes: of chunks that follow
    the samples and the byte that may fill them up. Plain RIFF while sizes stay below 4 GB,
    otherwise RF64. reserve: keep room for RF64's sizes in a plain header, so that the header of a
    stream whose length was not known can be replaced at its end.
    """
    total = shape.total_samples
    head = _format(shape, bits)
    junk = _chunk(b"JUNK", bytes(_DS64_BYTES)) if reserve else b""
    riff_bytes = data_bytes = _UNKNOWN
    if total is not None:
        data_bytes = total * frame_bytes(shape, bits)
        riff_bytes = len(b"WAVE") + len(junk) + len(head) + 8 + data_bytes + behind_bytes
        if riff_bytes >= _UNKNOWN:
            riff_bytes += 8 + _DS64_BYTES - len(junk)
            return _rf64(head, riff_bytes, data_bytes, total)
    riff = struct.pack("<4sI4s", b"RIFF", riff_bytes, b"WAVE")
    return riff + junk + head + struct.pack("<4sI", b"data", data_bytes)


def padding(data_bytes: int) -> bytes:
    """What fills samples of an odd number of bytes up: chunks begin at even places."""
    return bytes(data_bytes % 2)


def sampler_chunk(shape: Shape) -> bytes:
    """The `smpl` chunk that says where the sound loops, or nothing where it does not.

    One forward loop, for ever; its last sample counts in. Beyond 32 bits nothing can be said.
    """
    if shape.loop is None or sum(shape.loop) > _UNKNOWN:
        return b""
    first, length = shape.loop
    period_ns = round(1e9 / shape.sample_rate)
    unit = (0, 0, period_ns, _MIDDLE_C, 0, 0, 0, 1, 0)  # maker … note, tuning, SMPTE, one loop
    turn = (0, 0, first, first + length - 1, 0, 0)  # name, forward, from, to, fraction, for ever
    return _chunk(b"smpl", struct.pack("<15I", *unit, *turn))


def info_chunk(tags: Mapping[str, str]) -> bytes:
    """The `LIST` chunk with those tags for which RIFF has a name (in UTF-8), or nothing."""
    told = [(_INFO[key], text) for key, text in tags.items() if key in _INFO and text]
    if not told:
        return b""
    return _chunk(b"LIST", b"INFO" + b"".join(_chunk(name, _text(text)) for name, text in told))


def id3_chunk(id3: bytes) -> bytes:
    """The `id3 ` chunk around an ID3 tag, or nothing."""
    return _chunk(b"id3 ", id3) if id3 else b""


def _format(shape: Shape, bits: str) -> bytes:
    """The `fmt ` chunk, and `fact`, which all but plain integers must have."""
    depth = DEPTHS[bits]
    tag = _FLOAT if bits == "32f" else _PCM
    wide = shape.channels > 2 or bits == "24" or shape.layout == "ambisonics"
    frame = frame_bytes(shape, bits)
    fields = struct.pack(
        "<HHIIHH",
        _EXTENSIBLE if wide else tag,
        shape.channels,
        shape.sample_rate,
        shape.sample_rate * frame,
        frame,
        8 * depth,
    )
    if wide:
        more = struct.pack("<HIH", 8 * depth, shape.speaker_mask, tag) + _SUB_FORMAT
        fields += struct.pack("<H", len(more)) + more
    elif tag == _FLOAT:
        fields += struct.pack("<H", 0)
    if tag == _PCM:
        return _chunk(b"fmt ", fields)
    total = _UNKNOWN if shape.total_samples is None else min(shape.total_samples, _UNKNOWN)
    return _chunk(b"fmt ", fields) + _chunk(b"fact", struct.pack("<I", total))


def _rf64(head: bytes, riff_bytes: int, data_bytes: int, total_samples: int) -> bytes:
    """The header for a sound of 4 GB or more: as long as a plain one with room reserved."""
    riff = struct.pack("<4sI4s", b"RF64", _UNKNOWN, b"WAVE")
    sizes = struct.pack("<4sIQQQI", b"ds64", _DS64_BYTES, riff_bytes, data_bytes, total_samples, 0)
    return riff + sizes + head + struct.pack("<4sI", b"data", _UNKNOWN)


def _text(text: str) -> bytes:
    return text.replace("\0", " ").encode() + b"\0"


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + padding(len(content))
