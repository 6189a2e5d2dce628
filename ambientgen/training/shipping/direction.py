"""Where a turning sound is heard, by the levels of its channels and by their delay."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.signal import correlate, resample_poly

from ambientgen.training.scores.report import Row, Table
from ambientgen.training.shipping.bench import Bench
from ambientgen.training.shipping.programs import sox_amplitudes

SOUNDS = ("rain", "waves", "fire")
RATE, SECONDS, SIDE_DEG = 48_000, 36, 90.0
MOST_WRONG_DEG = 5.0
"""How far from the curve a second may be heard: what trained listeners tell apart ahead is 1° to 2°
(Mills, "On the minimum audible angle", 1958), at the sides 10° and more."""

HEAD_M, SOUND_M_PER_S = 0.0875, 343.0  # Woodworth's sphere; air of 20 °C
_LONGEST_S = 0.8e-3  # between the ears, with room
_FINER = 16  # delays are told to a sixteenth of a sample
_AROUND = 64  # samples of a correlation that its points in between are told from
_TINY = 1e-9

_SCENE = """\
duration: {seconds}s
seed: 4
layers:
  sound:
    states: {{{state}: {{curve: 0.6}}}}
    direction: {{0s: -{side:g}, {seconds}s: {side:g}}}
    width: 0
output: {{layout: stereo, sample_rate: {rate}, bits: 32f}}
"""


@dataclass(frozen=True)
class Heard:
    """Where a sound was asked to be and is heard in one second, in degrees to the right."""

    asked_deg: float
    by_level_deg: float
    by_delay_deg: float


def direction(
    bench: Bench, sounds: Sequence[str] = SOUNDS, seconds: int = SECONDS
) -> Iterator[Table]:
    """The first sound's course, second by second, and the errors of all."""
    found = {name: turned(bench, name, seconds) for name in sounds}
    first = sounds[0]
    asked = f"{first.capitalize()} that turns from left to right in {seconds} s"
    yield Table(
        "direction",
        "A turning sound, second by second",
        f"{asked}; degrees to the right in the middle of each third second, by the channels' "
        "levels (SoX) and by their delay (cross-correlation).",
        [_course_row(each) for each in found[first][1::3]],
    )
    yield Table(
        "direction errors",
        "Errors of direction",
        f"Degrees, over all seconds; none more than {MOST_WRONG_DEG:g}.",
        [_error_row(name, course) for name, course in found.items()],
    )


def turned(bench: Bench, state: str, seconds: int = SECONDS) -> list[Heard]:
    """Render a sound of the model that turns, and hear where it is."""
    text = _SCENE.format(seconds=seconds, state=state, side=SIDE_DEG, rate=RATE)
    take = bench.take(bench.scene(text, "turn"), "turn.wav")
    rising_deg = 2 * SIDE_DEG / seconds
    asked = [rising_deg * (second + 0.5) - SIDE_DEG for second in range(seconds)]
    return [Heard(each, *heard_deg(take.path, at)) for at, each in enumerate(asked)]


def heard_deg(path: Path, second: int) -> tuple[float, float]:
    """Where one second of a stereo file is: by level, and by delay, in degrees to the right."""
    part = ("trim", str(second), "1")
    left, right = (sox_amplitudes(path, "remix", side, *part)[0] for side in ("1", "2"))
    with soundfile.SoundFile(path) as file:
        file.seek(second * file.samplerate)
        sound, rate = file.read(file.samplerate, always_2d=True), file.samplerate
    return by_level_deg(left, right), by_delay_deg(delay_s(sound, rate))


def by_level_deg(left: float, right: float) -> float:
    """The direction ahead whose constant-power pan has these amplitudes.

    The angle between the channels goes evenly with the sine of the direction: 0° at -90, 90° at 90.
    """
    side = 4 / math.pi * math.atan2(right, left + _TINY) - 1
    return math.degrees(math.asin(max(-1.0, min(1.0, side))))


def by_delay_deg(later_s: float) -> float:
    """The direction ahead in which the left ear hears so much later: Woodworth's formula."""
    apart = later_s * SOUND_M_PER_S / HEAD_M
    longest = math.pi / 2 + 1
    if abs(apart) >= longest:
        return math.copysign(90.0, apart)
    return math.degrees(brentq(lambda angle: angle + math.sin(angle) - apart, -1.6, 1.6))


def delay_s(sound: NDArray[np.float64], rate: int) -> float:
    """How much later the left of two channels (n, 2) has what the right has."""
    reach, around = math.ceil(_LONGEST_S * rate), _AROUND
    together = correlate(*sound.T, method="fft")
    middle = len(sound) - 1
    near = together[middle - reach - around : middle + reach + around + 1]
    finer = resample_poly(near, _FINER, 1)[around * _FINER : -(around + 1) * _FINER + 1]
    return float(np.argmax(finer) / _FINER - reach) / rate


def _course_row(heard: Heard) -> Row:
    figures = {"by level": heard.by_level_deg, "by delay": heard.by_delay_deg}
    return Row(f"{heard.asked_deg:g}°", {k: f"{v:.1f}°" for k, v in figures.items()})


def _error_row(name: str, course: Sequence[Heard]) -> Row:
    asked = np.array([each.asked_deg for each in course])
    by_level = np.abs(np.array([each.by_level_deg for each in course]) - asked)
    by_delay = np.abs(np.array([each.by_delay_deg for each in course]) - asked)
    figures = {
        f"by {way}, {kind}": float(value)
        for way, wrong in (("level", by_level), ("delay", by_delay))
        for kind, value in (("mean", wrong.mean()), ("largest", wrong.max()))
    }
    return Row(name, figures, bool(max(by_level.max(), by_delay.max()) <= MOST_WRONG_DEG))
