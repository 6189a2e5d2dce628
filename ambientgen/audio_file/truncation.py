"""Whether a sound file holds all that its header promises: told by headers and last samples alone.

A copy that was broken off reads like a shorter sound in most formats, and without a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ambientgen.audio_file.mp3 import all_bytes_there

_UNTOLD = 0x7FFF_0000
"""A 32-bit length from here on, of a file that is shorter, says that nobody knew it when the header
was written: into a pipe."""
_SLACK_S = 0.05
"""Less than this is not missed: some writers count their last block or padding."""
_TAIL_BYTES = 2 * 65_307
"""Twice the longest page of an Ogg file (RFC 3533): holds a whole one, wherever the file ends."""
_PAGE_HEAD = 27  # bytes before a page's table of segments
_LAST_PAGE = 0x04  # of a page's flags
_FLAC_HEAD = 16  # bytes of the longest frame header (RFC 9639, 9.1)
_W64_CHUNK = 24  # bytes of a Wave64 chunk's head (Sonic Foundry, 2003): name, and size with it
_W64_NAME = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # of a name, behind its four letters
_UNTOLD_64 = 1 << 62
_CHUNKS = {b"RIFF": (True, b"data"), b"RF64": (True, b"data"), b"FORM": (False, b"SSND")}


@dataclass(frozen=True)
class CutShort:
    """How much of a sound is there, and of how much, in seconds; None: the file cannot say."""

    held_s: float
    told_s: float | None


def cut_short(path: Path, file: Any) -> CutShort | None:
    """What is there of a sound whose file, open as a `soundfile.SoundFile`, ends too early.

    None: it is whole, or nothing tells that it is not. Takes milliseconds whatever its length.
    """
    held_s = file.frames / file.samplerate
    if file.format == "OGG":
        return None if _ends(path) else CutShort(held_s, None)
    if file.format == "FLAC" and (begun_s := _flac_s(path, file)) is not None:
        return CutShort(begun_s, held_s)
    if file.format == "MP3" and all_bytes_there(path):
        return None
    if file.format in {"FLAC", "MP3"}:  # whose headers are believed
        if _sounds_at(file, held_s if file.format == "FLAC" else held_s - _SLACK_S):
            return None
        # of a FLAC that breaks off in its very last frame, all but that
        return CutShort(_reached_s(file) if file.format == "MP3" else held_s - 2 * _SLACK_S, held_s)
    sizes = _sizes(path)
    if sizes is None:
        return None
    told, held = sizes
    told_s = held_s * told / max(held, 1)
    return CutShort(held_s, told_s) if told_s > held_s + _SLACK_S else None


def _sizes(path: Path) -> tuple[int, int] | None:
    """Bytes of samples in a WAV, Wave64 or AIFF: as its header says, and in the file. None:
    unknown."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if (kind := file.read(4)) == b"riff":
            return _w64_sizes(file, size)
        if kind not in _CHUNKS:
            return None
        little, wanted = _CHUNKS[kind]
        at, wide = 12, None  # behind the form, its size and its type
        while at + 8 <= size:
            file.seek(at)
            name = file.read(4)
            length = int.from_bytes(file.read(4), "little" if little else "big")
            if name == b"ds64":  # EBU Tech 3306: the lengths of a file beyond 4 GB
                file.seek(8, 1)
                wide = int.from_bytes(file.read(8), "little")
            if name == wanted:
                told = wide if wide is not None and length == 0xFFFF_FFFF else length
                unknown = told == length and length >= _UNTOLD
                held = size - at - 8
                return None if unknown and told > held else (told, held)
            at += 8 + length + length % 2
    return None


def _w64_sizes(file: BinaryIO, size: int) -> tuple[int, int] | None:
    """As `_sizes`, of a Wave64 file of `size` bytes."""
    at = _W64_CHUNK + 16  # behind the form, its size and its type
    while at + _W64_CHUNK <= size:
        file.seek(at)
        name, length = file.read(16), int.from_bytes(file.read(8), "little")
        if name == b"data" + _W64_NAME:
            told = length - _W64_CHUNK
            return None if not 0 <= told < _UNTOLD_64 else (told, size - at - _W64_CHUNK)
        at += max(length + -length % 8, _W64_CHUNK)
    return None


def _ends(path: Path) -> bool:
    """Whether an Ogg file's last page is whole, and says that it is the last."""
    with path.open("rb") as file:
        tail = _tail(file)
    at = tail.rfind(b"OggS\0")
    head = tail[at : at + _PAGE_HEAD]
    if at < 0 or len(head) < _PAGE_HEAD:
        return False
    segments = tail[at + _PAGE_HEAD : at + _PAGE_HEAD + head[26]]
    whole = len(segments) == head[26] and at + _PAGE_HEAD + head[26] + sum(segments) <= len(tail)
    return whole and bool(head[5] & _LAST_PAGE)


def _tail(file: BinaryIO) -> bytes:
    file.seek(0, 2)
    file.seek(max(file.tell() - _TAIL_BYTES, 0))
    return file.read()


def _sounds_at(file: Any, time_s: float) -> bool:
    """Whether there is a sample at a time."""
    try:
        file.seek(min(max(int(time_s * file.samplerate), 0), file.frames - 1))
        return bool(len(file.read(1)))
    except (OSError, RuntimeError):
        return False


def _reached_s(file: Any) -> float:
    """How far an MP3 sounds, in seconds, to a tenth below."""
    low, high = 0.0, file.frames / file.samplerate
    while high - low > 0.1:
        middle = (low + high) / 2
        low, high = (middle, high) if _sounds_at(file, middle) else (low, middle)
    return low


def _flac_s(path: Path, file: Any) -> float | None:
    """Where the last frame of a FLAC file begins, in seconds, if others should follow; else None.

    libFLAC takes seconds to seek what is not there.
    """
    with path.open("rb") as raw:
        start = raw.read(12)
        tail = _tail(raw)
    block, most = (int.from_bytes(start[at : at + 2], "big") for at in (8, 10))
    at = len(tail) if start[:4] == b"fLaC" else 0
    while (at := tail.rfind(b"\xff", 0, at)) >= 0:
        head = tail[at : at + _FLAC_HEAD]
        if len(head) == _FLAC_HEAD and head[1] & 0xFE == 0xF8 and not head[3] & 1:
            length, number = _coded(head[4:])
            more = {6: 1, 7: 2}.get(head[2] >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
            if length and not _crc8(head[: 4 + length + more + 1]):
                first = number if head[1] & 1 else number * block
                return first / file.samplerate if first + most < file.frames else None
    return None


def _coded(data: bytes) -> tuple[int, int]:
    """Length and value of a number written like UTF-8, of up to 36 bits; length 0: it is none."""
    ones = 8 - (data[0] ^ 0xFF).bit_length()
    if ones == 0:
        return 1, data[0]
    if ones == 1 or ones > 7 or any(byte >> 6 != 2 for byte in data[1:ones]):
        return 0, 0
    number = data[0] & 0x7F >> ones
    for byte in data[1:ones]:
        number = number << 6 | byte & 0x3F
    return ones, number


def _crc8(data: bytes) -> int:
    """FLAC's (RFC 9639, 9.1.8): x^8 + x^2 + x + 1. Of a header with its own, 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07 if crc & 0x80 else crc << 1) & 0xFF
    return crc
