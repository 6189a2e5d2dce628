"""Sound files as small as a page wants them: Ogg Vorbis, or FLAC where nothing may be lost."""

from __future__ import annotations

import io
from os import PathLike

import soundfile

_BLOCK_S = 10  # libsndfile's Vorbis cannot take minutes at once


def packed(path: str | PathLike[str], lossless: bool = False) -> bytes:
    """The sound in a file as Ogg Vorbis, or FLAC of 16 bits: the same rate, channels and length.

    Browsers decode both to the sample: loops stay loops.
    """
    out = io.BytesIO()
    with soundfile.SoundFile(path) as source:
        kind = ("FLAC", "PCM_16") if lossless else ("OGG", "VORBIS")
        with soundfile.SoundFile(
            out, "w", source.samplerate, source.channels, kind[1], format=kind[0]
        ) as sink:
            while len(block := source.read(_BLOCK_S * source.samplerate, "float32", True)):
                sink.write(block)
    return out.getvalue()
