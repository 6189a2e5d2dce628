"""Whether an MP3 is all there, by what its first frame says: the last sample need not be decoded.

Frames lean on bits of those before them. Whoever enters a good file in its middle may lack some,
and libmpg123 then prints an error of its own to standard error.
"""

from __future__ import annotations

import os
from pathlib import Path

_ID3_HEAD = 10  # bytes; the last four are the tag's size, of seven bits each (ID3v2.4, 3.1)
_FOOTER = 0x10  # of an ID3 tag's flags: ten more bytes stand behind it
_FRAME_HEAD = 4
_SIDE_BYTES = {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}
"""Side information by (MPEG-1, mono) (ISO 11172-3, 2.4.1.7; 13818-3, 2.4.1.7)."""
_COUNTED = 0b11  # flags: the numbers of frames and of bytes are told (Xing)


def id3_bytes(head: bytes) -> int:
    """Bytes of the tag that begins with these ten, with its foot if it has one; 0: it is none."""
    if head[:3] != b"ID3" or len(head) < _ID3_HEAD:
        return 0
    size = sum((byte & 0x7F) << 7 * (3 - i) for i, byte in enumerate(head[6:_ID3_HEAD]))
    return _ID3_HEAD * (2 if head[5] & _FOOTER else 1) + size


def all_bytes_there(path: str | os.PathLike[str]) -> bool | None:
    """Whether a file holds as many bytes as its Xing (or Info) header says; None: it has none.

    Raises OSError: it cannot be read.
    """
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = id3_bytes(file.read(_ID3_HEAD))
        file.seek(start)
        frame = file.read(_FRAME_HEAD + max(_SIDE_BYTES.values()) + 16)
    if len(frame) < _FRAME_HEAD or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return None  # no frame of layer III
    side = _SIDE_BYTES[frame[1] & 0x18 == 0x18, frame[3] >> 6 == 3]
    told = frame[_FRAME_HEAD + side :]
    if told[:4] not in (b"Xing", b"Info") or len(told) < 16 or told[7] & _COUNTED != _COUNTED:
        return None
    counted = int.from_bytes(told[12:16], "big")
    return size - start >= counted if counted else None
