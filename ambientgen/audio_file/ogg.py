"""Ogg pages put right after the encoder: its random number, and what a loop in Opus needs."""

from __future__ import annotations

import importlib
from typing import Any

_SERIAL = 1  # of the only stream of the file; libsndfile draws one, and files would never be equal
_OPUS_HEAD = b"OpusHead"
_PRE_SKIP = slice(10, 12)  # 16 bits, little-endian (RFC 7845, 5.1)


class DamagedOgg(Exception):  # noqa: N818
    """Pages are missing, or not as they were written: libsndfile keeps quiet about full disks."""


def settle(path: str, before_ticks: int = 0, behind_ticks: int = 0) -> None:
    """Give the stream in `path` a serial number that does not change, page by page, in place.

    before_ticks: of Opus: decoders leave out so many ticks (1/48000 s) more at the start;
    behind_ticks: and so many at the end. Raises DamagedOgg where a page is damaged or the
    last one is missing, and OSError.
    """
    ogg: Any = importlib.import_module("mutagen.ogg")
    ended = False
    with open(path, "r+b") as file:
        while True:
            place = file.tell()
            try:
                page = ogg.OggPage(file)
            except EOFError:
                break
            except ogg.error as error:
                raise DamagedOgg from error
            file.seek(place)
            if file.read(page.size) != page.write():  # which counts its checksum anew
                raise DamagedOgg
            page.serial = _SERIAL
            if page.packets and page.packets[0].startswith(_OPUS_HEAD):
                page.packets[0] = _later(page.packets[0], before_ticks)
            if page.last:
                ended = True
                page.position -= behind_ticks
            file.seek(place)
            file.write(page.write())
    if not ended:
        raise DamagedOgg


def _later(head: bytes, ticks: int) -> bytes:
    """An Opus header whose sound begins so much later."""
    skipped = int.from_bytes(head[_PRE_SKIP], "little") + ticks
    return head[: _PRE_SKIP.start] + skipped.to_bytes(2, "little") + head[_PRE_SKIP.stop :]
