"""Other programs' word on a sound file: ffprobe, ffmpeg, SoX, Python's `wave`, mutagen.

Written against ffmpeg 5.1 and SoX 14.4. All raise CalledProcessError where a program that can read
the file fails.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
from numpy.typing import NDArray

NEEDED = ("ffmpeg", "ffprobe", "sox")

Samples = NDArray[np.float64]

_CHUNK_HEAD = struct.Struct("<4sI")
_SMPL_LOOP = struct.Struct("<6I")  # one loop: name, kind, first, last, fraction, turns
_SMPL_HEAD_BYTES = 36


def missing() -> list[str]:
    """Those of `NEEDED` that this machine lacks."""
    return [name for name in NEEDED if shutil.which(name) is None]


def versions() -> dict[str, str]:
    """Which programs took the figures."""
    ffmpeg = _said("ffmpeg", "-version").split()[2].partition("-")[0]  # not the packager's
    sox = _said("sox", "--version").split()[-1].removeprefix("v")
    return {"ffmpeg": ffmpeg, "sox": sox, "mutagen": mutagen.version_string}


@dataclass(frozen=True)
class Level:
    """ffmpeg's `ebur128`: integrated loudness and the highest true peak, to a tenth."""

    lufs: float
    peak_dbtp: float


def level(path: Path) -> Level:
    """The loudness (EBU R128) and true peak of a whole file, by ffmpeg."""
    command = ["ffmpeg", "-hide_banner", "-nostats", "-i", str(path)]
    command += ["-af", "ebur128=peak=true:framelog=verbose", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    summary = done.stderr[done.stderr.rindex("Summary:") :]
    lufs = re.search(r"I:\s+(-?[\d.]+|-inf) LUFS", summary)
    peak = re.search(r"Peak:\s+(-?[\d.]+|-inf) dBFS", summary)
    assert lufs is not None, summary
    assert peak is not None, summary
    return Level(float(lufs[1]), float(peak[1]))


def probe(path: Path) -> dict[str, Any]:
    """ffprobe's `stream`s first and `format`, as one mapping; the stream's values win."""
    found = json.loads(
        _said("ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path))
    )
    return found["format"] | found["streams"][0]


def decoded(path: Path, channels: int, *options: str) -> Samples:
    """What ffmpeg hears in a file, (n, channels), full scale ±1. options: for its decoder."""
    command = ["ffmpeg", "-v", "error", *options, "-i", str(path), "-f", "f64le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f8").reshape(-1, channels)


def sox_amplitudes(path: Path, *effects: str, gain: float = 1.0) -> tuple[float, float]:
    """SoX's RMS and highest amplitude of a file times `gain` behind `effects`."""
    command = ["sox", "-v", f"{gain:g}", str(path), "-n", *effects, "stat"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    found = re.findall(r"^(Maximum|Minimum|RMS) +amplitude: +(-?[\d.]+)$", told, re.MULTILINE)
    values = {name: abs(float(value)) for name, value in found}
    return values["RMS"] / gain, max(values["Maximum"], values["Minimum"]) / gain


def sox_info(path: Path) -> tuple[int, int, int] | None:
    """Channels, bits and samples, by SoX; None: it does not read this format."""
    try:
        return tuple(int(_said("sox", "--i", option, str(path))) for option in ("-c", "-b", "-s"))  # type: ignore[return-value]
    except subprocess.CalledProcessError:
        return None


def wave_info(path: Path) -> tuple[int, int, int, int] | None:
    """Rate, channels, bits and samples, by Python's `wave`; None: it does not read this."""
    try:
        with wave.open(str(path)) as file:
            bits = 8 * file.getsampwidth()
            return file.getframerate(), file.getnchannels(), bits, file.getnframes()
    except (wave.Error, EOFError):
        return None


@dataclass(frozen=True)
class Tagged:
    """What mutagen finds: seconds, and tags by their names in small letters."""

    seconds: float
    tags: dict[str, str]


def tagged(path: Path) -> Tagged:
    """A file's tags: ID3 frames and Vorbis comments alike."""
    file = mutagen.File(path)
    assert file is not None, path
    found: dict[str, str] = {}
    for name, value in dict(file.tags or {}).items():
        kind = name.split(":")[0]
        plain = {"TIT2": "title", "COMM": "comment", "TSSE": "encoder"}.get(kind)
        key = plain or (name.split(":", 1)[1] if kind == "TXXX" else name)
        text = value.text if hasattr(value, "text") else value
        found[key.lower()] = str(text[0])
    return Tagged(float(file.info.length), found)


def smpl_loop(path: Path) -> tuple[int, int] | None:
    """The first and last sample of the one loop in a WAV's `smpl` chunk; None: there is none."""
    with path.open("rb") as file:
        file.seek(12)
        while head := file.read(_CHUNK_HEAD.size):
            name, size = _CHUNK_HEAD.unpack(head)
            if name == b"smpl":
                body = file.read(size)[_SMPL_HEAD_BYTES:]
                _, _, first, last, _, _ = _SMPL_LOOP.unpack_from(body)
                return first, last
            file.seek(size + size % 2, 1)
    return None


def _said(*command: str) -> str:
    """What a program prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
