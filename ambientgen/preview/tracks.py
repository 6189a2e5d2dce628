"""Sound files as small as a page wants them: Ogg Vorbis, or FLAC where nothing may be lost."""

from __future__ import annotations

import io
from os import PathLike
from typing import Any

import soundfile

from ambientgen.audio_file.opened import opened

_COMPRESSION = 0.3
"""Of Vorbis, 0 to 1; from about 0.4 on it takes channels together, and ambience loses its width."""
_BLOCK_S = 10  # libsndfile's Vorbis cannot take minutes at once


def packed(path: str | PathLike[str], lossless: bool = False) -> bytes:
    """The sound in a file as Ogg Vorbis, or FLAC of 16 bits: the same rate, channels and length.

    Browsers decode both to the sample: loops stay loops.
    """
    out = io.BytesIO()
    with opened(path) as source:
        how: dict[str, Any] = {"format": "FLAC", "subtype": "PCM_16"}
        if not lossless:
            how = {"format": "OGG", "subtype": "VORBIS", "compression_level": _COMPRESSION}
        with soundfile.SoundFile(out, "w", source.samplerate, source.channels, **how) as sink:
            while len(block := source.read(_BLOCK_S * source.samplerate, "float32", True)):
                sink.write(block)
    return out.getvalue()
