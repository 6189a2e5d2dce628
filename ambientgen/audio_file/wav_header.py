"""The header of a 16-bit PCM WAV file, known before the first sample: it needs no seeking.

Layout: RIFF/WAVE (Microsoft & IBM, "Multimedia Programming Interface", 1991) with a plain PCM
`fmt ` chunk; RF64 (EBU Tech 3306) where 32-bit sizes do not reach, that is from 4 GB on.
"""

from __future__ import annotations

import struct

from ambientgen.audio_file.pcm import SAMPLE_BYTES

_UNKNOWN = 0xFFFFFFFF  # RIFF: "size not known", as streaming writers have it; RF64: "see ds64"
_PCM = 1
_FMT_BYTES = 16
_DS64_BYTES = 28  # RIFF size, data size, sample count (64 bits each), length of an empty table


def wav_header(
    sample_rate: int, channels: int, total_samples: int | None, reserve: bool = False
) -> bytes:
    """The bytes before the samples.

    total_samples: samples per channel; None: not known, sizes say so. Plain RIFF while sizes
    stay below 4 GB, otherwise RF64. reserve: keep room for RF64's sizes in a plain header, so
    that the header of a stream whose length was not known can be replaced at its end.

    Raises ValueError for channels other than 1 or 2: more need another kind of header.
    """
    if channels not in (1, 2):
        raise ValueError(f"a WAV file here has 1 or 2 channels, not {channels}")
    frame_bytes = channels * SAMPLE_BYTES
    fmt = struct.pack(
        "<4sIHHIIHH",
        b"fmt ",
        _FMT_BYTES,
        _PCM,
        channels,
        sample_rate,
        sample_rate * frame_bytes,
        frame_bytes,
        8 * SAMPLE_BYTES,
    )
    junk = struct.pack("<4sI", b"JUNK", _DS64_BYTES) + bytes(_DS64_BYTES) if reserve else b""
    if total_samples is None:
        riff_bytes = data_bytes = _UNKNOWN
    else:
        data_bytes = total_samples * frame_bytes  # even, so no padding byte follows
        riff_bytes = len(b"WAVE") + len(junk) + len(fmt) + 8 + data_bytes
        if riff_bytes >= _UNKNOWN:
            return _rf64(fmt, data_bytes, total_samples)
    riff = struct.pack("<4sI4s", b"RIFF", riff_bytes, b"WAVE")
    return riff + junk + fmt + struct.pack("<4sI", b"data", data_bytes)


def _rf64(fmt: bytes, data_bytes: int, total_samples: int) -> bytes:
    """The header for a sound of 4 GB or more: as long as a plain one with room reserved."""
    riff_bytes = len(b"WAVE") + 8 + _DS64_BYTES + len(fmt) + 8 + data_bytes
    riff = struct.pack("<4sI4s", b"RF64", _UNKNOWN, b"WAVE")
    sizes = struct.pack("<4sIQQQI", b"ds64", _DS64_BYTES, riff_bytes, data_bytes, total_samples, 0)
    return riff + sizes + fmt + struct.pack("<4sI", b"data", _UNKNOWN)
