"""Sound in a file that the library which reads it does not come to, and says nothing of.

It believes an MP3 without a table of contents to be as long as its first frames make likely, and
of an Ogg file that holds one sound after another it reads the first.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path
from typing import Any

from ambientgen.audio_file.mp3 import id3_bytes

_SLACK_S = 0.5
"""Encoders add up to a tenth of a second at both ends; a guess that is this near is right."""
_ID3V1 = 128  # bytes of the tag that old players look for at the end
_APE = 32  # bytes of a tag's head, and of its foot ("APEv2 specification", 2004)
_APE_HEAD = 1 << 29  # of the flags in both: this one is the head
_TAG = re.compile(rb"ID3[\x02-\x04][^\xff].[\x00-\x7f]{4}|APETAGEX|TAG", re.DOTALL)
_SYNC = re.compile(rb"\xff[\xe0-\xfe]|APETAGEX|ID3[\x02-\x04][^\xff].[\x00-\x7f]{4}", re.DOTALL)
"""Where a frame, or a tag, may begin. What is 3 letters long comes by itself in every picture."""
_BEGINS = 0x02  # of an Ogg page's flags (RFC 3533): a sound's first
_RATES = (44_100, 48_000, 32_000)
# Of layer III, kbit/s by the index of a frame's head (ISO 11172-3, 13818-3).
_KBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_LOW_KBITS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)


def left_out(path: Path, file: Any) -> str | None:
    """What is not read of a file, open as a `soundfile.SoundFile`, in words; None: nothing."""
    held_s = file.frames / file.samplerate
    if file.format not in {"OGG", "MP3"} or not path.stat().st_size:
        return None
    with path.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if file.format == "OGG":
            return "holds several sounds in a row" if _begins_again(data) else None
        lasts_s = _mp3_s(data)
    if lasts_s <= held_s + _SLACK_S:
        return None
    return f"does not say how long it is: {held_s:.2f} s can be read, of {lasts_s:.2f} s"


def _begins_again(data: mmap.mmap) -> bool:
    """Whether an Ogg file's sound begins once more, behind pages that do not begin one."""
    at, going_on = data.find(b"OggS\0"), False
    while at >= 0 and at + 5 < len(data):
        begins = bool(data[at + 5] & _BEGINS)
        if begins and going_on:
            return True
        going_on |= not begins
        at = data.find(b"OggS\0", at + 5)
    return False


def _mp3_s(data: mmap.mmap) -> float:
    """How long all frames of an MP3 last, in seconds."""
    at, lasts_s, lost = 0, 0.0, False
    while 0 <= at <= len(data) - 4:
        size, frame_s = _frame(data[at : at + 4])
        # Among bytes that are none, such as a cover's, four look like a frame's head now and then.
        if size and not (lost and not _another(data, at, size)):
            at, lasts_s, lost = at + size, lasts_s + frame_s, False
        elif tag := _tag(data, at):
            at += tag
        else:
            found = _SYNC.search(data, at + 1)
            at, lost = found.start() if found else -1, True
    return lasts_s


def _tag(data: mmap.mmap, at: int) -> int:
    """Bytes of a tag that begins there, as stand before, between and behind frames; 0: none."""
    found = _TAG.match(data, at)
    if found is None:
        return 0
    if found[0] == b"TAG":
        return _ID3V1
    if found[0] == b"APETAGEX":
        size, flags = (int.from_bytes(data[at + i : at + i + 4], "little") for i in (12, 20))
        return _APE + size if flags & _APE_HEAD else _APE
    return id3_bytes(found[0])


def _another(data: mmap.mmap, at: int, size: int) -> bool:
    """Whether a frame of the same kind and rate stands directly behind one of `size` bytes."""
    one, other = data[at : at + 4], data[at + size : at + size + 4]
    if len(other) < 4 or not _frame(other)[0]:
        return False
    return (one[1] ^ other[1]) & 0xFE == 0 and (one[2] ^ other[2]) & 0x0C == 0


def _frame(head: bytes) -> tuple[int, float]:
    """Bytes and seconds of a layer III frame, by its four first bytes; 0 bytes: it is none."""
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    kbits, rate = head[2] >> 4, head[2] >> 2 & 3
    if head[0] != 0xFF or head[1] & 0xE0 != 0xE0 or version == 1 or layer != 1:
        return 0, 0.0
    if kbits in {0, 15} or rate == 3:
        return 0, 0.0
    newest = version == 3  # MPEG 1; the others halve rate and samples
    hz = _RATES[rate] >> (0 if newest else 1 if version == 2 else 2)
    samples = 1152 if newest else 576
    rate_kbits = (_KBITS if newest else _LOW_KBITS)[kbits]
    return samples // 8 * rate_kbits * 1000 // hz + (head[2] >> 1 & 1), samples / hz
