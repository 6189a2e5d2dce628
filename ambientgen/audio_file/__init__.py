"""Block stream -> sound file or pipe: streamed, exact to the sample, whole or not there at all.

Open a sink with `open_sink`, give it blocks inside its `with`, and take `sink.result` after it.
"""

from ambientgen.audio_file.formats import FORMATS, AudioFormat, Encoding, Shape
from ambientgen.audio_file.pcm import to_int16
from ambientgen.audio_file.sink import Companion, Sink, Written, open_sink
from ambientgen.audio_file.target import STDOUT, ReaderGone, check_endless, check_target

__all__ = [
    "FORMATS",
    "STDOUT",
    "AudioFormat",
    "Companion",
    "Encoding",
    "ReaderGone",
    "Shape",
    "Sink",
    "Written",
    "check_endless",
    "check_target",
    "open_sink",
    "to_int16",
]
