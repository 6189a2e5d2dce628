"""Block stream -> sound file or pipe: streamed, exact to the sample, whole or not there at all.

Open a sink with `open_sink`, give it blocks inside its `with`, and take `sink.result` after it.
"""

from ambientgen.audio_file.audio_format import AudioFormat
from ambientgen.audio_file.encoding import Encoding, Shape, Work
from ambientgen.audio_file.formats import FORMATS
from ambientgen.audio_file.pcm import to_pcm
from ambientgen.audio_file.sink import (
    Companion,
    Sink,
    Written,
    check_room_for,
    file_bytes,
    open_sink,
)
from ambientgen.audio_file.tags import tags_for
from ambientgen.audio_file.target import (
    ReaderGone,
    check_endless,
    check_target,
    is_stream,
    loop_notice,
)
from ambientgen.shell import STDOUT

__all__ = [
    "FORMATS",
    "STDOUT",
    "AudioFormat",
    "Companion",
    "Encoding",
    "ReaderGone",
    "Shape",
    "Sink",
    "Work",
    "Written",
    "check_endless",
    "check_room_for",
    "check_target",
    "file_bytes",
    "is_stream",
    "loop_notice",
    "open_sink",
    "tags_for",
    "to_pcm",
]
