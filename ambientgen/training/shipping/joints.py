"""What encoders do to a loop's joint: turns written, decoded by ffmpeg, and compared and heard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from ambientgen.audio_file import FORMATS, Encoding, Shape, open_sink
from ambientgen.ear.seam_verdicts import loop_verdict
from ambientgen.ear.source import open_sound
from ambientgen.ear.trace import trace
from ambientgen.ear.verdicts import Verdict
from ambientgen.training.scores.report import Figure, Row, Table
from ambientgen.training.shipping.bench import Bench
from ambientgen.training.shipping.programs import decoded, probe

RATE, SECONDS = 48_000, 10.0
TONES_HZ = (110.0, 271.3, 440.0, 1234.5, 3000.1)
"""Five steady tones, none in step with a codec's frames; each made to fit the turn."""
_LEVEL = 0.1  # of noise, RMS; the tones together have 1.6 times that

_SCENE = """\
title: Rain that goes round
duration: {seconds:g}s
loop: true
seed: 5
states: {{rain: {{curve: 0.5}}}}
output: {{sample_rate: {rate}, layout: stereo, bits: 32f}}
"""

Turn = NDArray[np.float32]


@dataclass(frozen=True)
class Way:
    """How a turn is written, and whether the encoder is told that it is a loop.

    options: for ffmpeg, when it decodes.
    """

    name: str
    format: str
    told: bool = True
    options: tuple[str, ...] = ()


WAYS = (
    Way("WAV, 16 bits", "wav"),
    Way("Ogg Vorbis", "ogg"),
    Way("Opus, encoded as it is", "opus", told=False),
    Way("Opus", "opus"),
    Way("MP3", "mp3"),
    Way("MP3, its padding played", "mp3", options=("-flags2", "+skip_manual")),
)


def joints(bench: Bench) -> Iterator[Table]:
    """A table of what the samples around the joint have lost, and one of how it is heard."""
    turns = planted() | {"rain": rained(bench)}
    mono = {name: turn[:, :1] for name, turn in turns.items()}
    yield Table(
        "joints",
        "Errors at the joint",
        f"A turn of {SECONDS:g} s in mono at {RATE // 1000} kHz, decoded by ffmpeg: the error of "
        "the last and the first millisecond, and of the file's worst, in dB over its median one.",
        [_error_row(bench.folder, way, mono) for way in WAYS if not way.options],
    )
    heard = {"noise": turns["noise"], "rain": turns["rain"]}
    yield Table(
        "joints heard",
        "The joint, heard",
        "The ear's `loop.point` of what ffmpeg decodes (up to 2 passes, a break up to 3), and the "
        "samples it gives for a turn.",
        [_heard_row(bench.folder, way, heard) for way in WAYS],
    )


def planted() -> dict[str, Turn]:
    """Noise, and five steady tones, that go round in a turn: (n, 2) each."""
    count = round(SECONDS * RATE)
    noise = _LEVEL * np.random.default_rng(1).standard_normal((count, 2))
    times = np.arange(count)[:, None] / count
    turns = np.round(np.array(TONES_HZ) * SECONDS)
    tones = _LEVEL * np.sin(2 * np.pi * (turns * times + np.arange(len(turns)) / 7)).sum(axis=1)
    return {
        "noise": noise.astype(np.float32),
        "tones": np.stack([tones, tones], axis=1).astype(np.float32),
    }


def rained(bench: Bench) -> Turn:
    """A turn of the model's rain."""
    scene = bench.scene(_SCENE.format(seconds=SECONDS, rate=RATE), "rain")
    sound, _rate = soundfile.read(bench.take(scene, "turn.wav").path, dtype="float32")
    return np.asarray(sound, np.float32)


def written(folder: Path, way: Way, turn: Turn) -> tuple[Path, NDArray[np.float64]]:
    """A turn written in a way, and what ffmpeg hears in it."""
    path = folder / f"joint{FORMATS[way.format].suffix}"
    channels = turn.shape[1]
    shape = Shape(RATE, channels, len(turn), period=len(turn) if way.told else None)
    with open_sink(path, Encoding(way.format, "16", 1), shape, force=True) as sink:
        sink.write(turn)
    return path, decoded(path, channels, *way.options)


def errors_db(turn: Turn, heard: NDArray[np.float64]) -> tuple[float, float, float]:
    """The error of the last, first and worst millisecond of a decoded turn over the median's."""
    size = RATE // 1000
    wrong = (heard[: len(turn)] - turn)[: len(turn) // size * size]
    powers = np.square(wrong).reshape(-1, size * turn.shape[1]).mean(axis=1)
    levels = 10 * np.log10(powers + 1e-20)
    last, first, worst = levels[[-1, 0, int(levels.argmax())]] - np.median(levels)
    return float(last), float(first), float(worst)


def _error_row(folder: Path, way: Way, turns: Mapping[str, Turn]) -> Row:
    figures: dict[str, Figure] = {}
    for name, turn in turns.items():
        path, heard = written(folder, way, turn)
        if name == "noise":
            figures["kbit/s, noise"] = f"{int(probe(path)['bit_rate']) / 1000:.0f}"
        found = ", ".join(f"{each:+.1f}" for each in errors_db(turn, heard))
        figures[f"{name}: last, first, worst"] = found
    return Row(way.name, figures)


def joint_heard(folder: Path, heard: NDArray[np.float64]) -> Verdict:
    """What the ear says of where the end of a sound (n, channels) meets its start."""
    path = folder / "heard.wav"
    soundfile.write(path, heard, RATE, subtype="FLOAT")
    sound = open_sound(path)
    return loop_verdict(sound, trace((b.mean(axis=1) for b in sound.blocks()), RATE), True)


def _heard_row(folder: Path, way: Way, turns: Mapping[str, Turn]) -> Row:
    figures: dict[str, Figure] = {}
    passed = True
    for name, turn in turns.items():
        for layout, channels in (("mono", 1), ("stereo", 2)):
            _, heard = written(folder, way, turn[:, :channels])
            verdict = joint_heard(folder, heard)
            passed &= verdict.passed is True and len(heard) == len(turn)
            figures["samples"] = f"{len(heard)} of {len(turn)}"
            figures[f"{name}, {layout}"] = f"{verdict.value:.2f}" + _feature(verdict)
    return Row(way.name, figures, None if way.options or not way.told else passed)


def _feature(verdict: Verdict) -> str:
    """Which feature was the most suspicious, where it is the one with a limit of its own."""
    return " (break)" if "break" in verdict.note else ""
