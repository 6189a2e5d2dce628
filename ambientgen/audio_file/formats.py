"""The registry of file formats: a new one is a class in a file of its own, and its name here."""

from __future__ import annotations

from ambientgen.audio_file.audio_format import AudioFormat
from ambientgen.audio_file.sndfile import Flac, Mp3, Opus, Vorbis
from ambientgen.audio_file.wav import Pcm, Wav

FORMATS: dict[str, type[AudioFormat]] = {
    "wav": Wav,
    "flac": Flac,
    "ogg": Vorbis,
    "opus": Opus,
    "mp3": Mp3,
}

STREAM_FORMATS: dict[str, type[AudioFormat]] = {**FORMATS, "pcm": Pcm}
"""Those, and what can go to a pipe alone."""
