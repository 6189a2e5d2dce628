"""Loudness and true peaks of the shipped scenes: each whole, as it ships and as asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyloudnorm
import soundfile
from scipy.signal import resample_poly

from ambientgen.scene import Scene
from ambientgen.scene.shipped import shipped_scene, shipped_scenes
from ambientgen.training.scores.report import Figure, Row, Table
from ambientgen.training.shipping.bench import Bench, Take
from ambientgen.training.shipping.programs import Level, level, sox_amplitudes

TARGETS_LUFS = (-23.0, -12.0)
"""What is asked for of each scene: television's, and more than a quiet scene has to give."""
TOLERANCE_LU = 0.5  # EBU R128: what a programme may be off
CEILING_DBTP = -1.0

PEAK_SCENES = ("cafe", "rain", "surf")
PEAK_RATES = (16_000, 22_050, 44_100, 48_000, 96_000)
PEAK_LUFS, PEAK_SECONDS = -8.0, 20.0
_FINER = 8  # true peaks are looked for on so many times as many points


def loudness(bench: Bench, names: Sequence[str] = ()) -> Iterator[Table]:
    """A table of the shipped scenes (`names`: only these) as they are, and one for each target."""
    scenes = [each for each in shipped_scenes() if not names or each.name in names]
    yield Table(
        "loudness",
        "The shipped scenes as they are",
        "Each whole, in its own format: a loudness that the scene asks for within 0.5 LU (others "
        "have their model's level), no true peak above -1 dBTP.",
        [_as_shipped(bench, each.name, each.text) for each in scenes],
    )
    for target in TARGETS_LUFS:
        yield Table(
            f"loudness {target:g}",
            f"The same for {target:g} LUFS",
            f'`--set output.loudness="{target:g} LUFS"`: reached within 0.5 LU, or told why not; '
            "no true peak above -1 dBTP.",
            [_asked(bench, each.name, each.text, target) for each in scenes],
        )


def peaks(bench: Bench) -> Iterator[Table]:
    """True peaks of what is driven far into the limiter, at several rates, by three resamplers."""
    yield Table(
        "peaks",
        "True peaks under the limiter",
        f"The first {PEAK_SECONDS:g} s of {', '.join(PEAK_SCENES)}, mono, asked for "
        f"{PEAK_LUFS:g} LUFS: the highest of the three. By ffmpeg's measure none above -1 dBTP.",
        [_driven(bench, rate) for rate in PEAK_RATES],
    )


def _as_shipped(bench: Bench, name: str, text: str) -> Row:
    scene = bench.scene(text, name)
    take = bench.take(scene, f"{name}.{scene.output.format}")
    wanted, heard = scene.output.loudness_lufs, level(take.path)
    figures: dict[str, Figure] = {"format": _format(scene), "asked": _lufs(wanted)}
    return Row(name, figures | _measured(take, heard), _holds(heard, wanted))


def _asked(bench: Bench, name: str, text: str, target: float) -> Row:
    scene = bench.scene(text, name, f'output.loudness="{target:g} LUFS"')
    take = bench.take(scene, f"{name}.{scene.output.format}")
    heard = level(take.path)
    told = any(notice.startswith("loudness:") for notice in take.notices)
    figures: dict[str, Figure] = {"gain, dB": take.report.gain_db}
    figures |= _measured(take, heard)
    figures |= {"limiter, dB": take.limited_db or None, "told": "yes" if told else None}
    return Row(name, figures, _holds(heard, None if told else target))


def _measured(take: Take, heard: Level) -> dict[str, Figure]:
    sound, rate = soundfile.read(take.path, always_2d=True)
    second = pyloudnorm.Meter(rate).integrated_loudness(sound)
    return {
        "LUFS (ffmpeg)": f"{heard.lufs:.1f}",
        "LUFS (pyloudnorm)": f"{second:.2f}",
        "true peak, dBTP (ffmpeg)": f"{heard.peak_dbtp:.1f}",
    }


def _holds(heard: Level, wanted_lufs: float | None) -> bool:
    """Whether ffmpeg hears what was asked for (None: nothing was)."""
    reached = wanted_lufs is None or abs(heard.lufs - wanted_lufs) <= TOLERANCE_LU
    return reached and heard.peak_dbtp <= CEILING_DBTP


def _driven(bench: Bench, rate: int) -> Row:
    highest: dict[str, float] = {}
    limited = 0.0
    for name in PEAK_SCENES:
        wishes = (f'loudness="{PEAK_LUFS:g} LUFS"', "layout=mono", f"sample_rate={rate}")
        scene = bench.scene(shipped_scene(name).text, name, *(f"output.{each}" for each in wishes))
        take = bench.take(scene, "driven.wav", duration_s=PEAK_SECONDS)
        limited = max(limited, take.limited_db)
        for program, found in _peaks_of(take.path):
            highest[program] = max(highest.get(program, -np.inf), found)
    figures: dict[str, Figure] = {"limiter, dB": limited}
    for program, found in highest.items():
        figures[program] = f"{found:.{1 if 'ffmpeg' in program else 2}f}"  # ffmpeg tells tenths
    return Row(f"{rate / 1000:g} kHz", figures, highest["ffmpeg `ebur128`"] <= CEILING_DBTP)


def _peaks_of(path: Path) -> Iterator[tuple[str, float]]:
    """The true peak of a file in dBTP, by program."""
    yield "ffmpeg `ebur128`", level(path).peak_dbtp
    sound, rate = soundfile.read(path, always_2d=True)
    finer = ("rate", "-v", str(_FINER * rate))
    amplitude = sox_amplitudes(path, *finer, gain=0.5)[1]
    yield "SoX `rate -v`, 8 ×", 20 * np.log10(amplitude)
    finest = map(partial(resample_poly, up=_FINER, down=1), sound.T)
    yield "scipy `resample_poly`, 8 ×", 20 * np.log10(max(np.abs(each).max() for each in finest))


def _format(scene: Scene) -> str:
    output = scene.output
    return f"{output.format}, {output.sample_rate / 1000:g} kHz, {output.layout}"


def _lufs(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"
