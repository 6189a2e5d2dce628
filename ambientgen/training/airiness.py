"""How near the air above a 16 kHz source comes to recordings that have their own.

    python -m ambientgen.training.airiness RECORDINGS_FOLDER

Every WAV and FLAC of 32 kHz and more in the folder and below is cut to 16 kHz and brought back to
its rate, without and with air. Two things are compared with the original: levels of the bands above
8 kHz, and how levels move within milliseconds there. The two numbers of the slope's rule are
fitted for each recording to all *others*, so that no recording judges what was fitted to it; the
last line gives those fitted to all.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ambientgen.mix.air import HIGHEST, Air, Place, Slope, floor
from ambientgen.mix.rate import ToRate
from ambientgen.stream import FloatArray, Stretch
from ambientgen.training.scripts import run_script
from ambientgen.units import MODEL_RATE

BANDS_HZ = ((8_000, 10_000), (10_000, 12_500), (12_500, 16_000), (16_000, 20_000))
LONGEST_S = 30.0
BEAT_BAND_HZ = (8_000.0, 14_000.0)
_SPECTRUM = 2048
_STEP_S, _AROUND_S = 0.003, 0.2  # the beat: levels of 3 ms over those of 0.2 s

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recording:
    """A recording's first channel, (n,), as a stream; silence before and behind it."""

    name: str
    sound: FloatArray
    rate: int
    channels: int = 1
    period: int | None = None

    def reach(self, stretch: Stretch) -> Stretch:
        """The same stretch."""
        return stretch

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """All of it at once; `stretch` must have an end."""
        first, end = stretch
        assert end is not None
        inside = self.sound[max(0, first) : max(0, end)]
        padded = np.pad(inside, (max(0, -first), 0))
        yield np.pad(padded, (0, end - first - len(padded)))[:, None]

    def cut(self) -> Recording:
        """What is left of it at 16 kHz."""
        sound = soxr.resample(self.sound, self.rate, MODEL_RATE, "VHQ")
        return Recording(self.name, sound, MODEL_RATE)

    def extended(self, air: Air | None) -> Recording:
        """Cut to 16 kHz and brought back."""
        stream = ToRate(self.cut(), self.rate, air)
        blocks = list(stream.blocks((0, len(self.sound))))
        return Recording(self.name, np.concatenate(blocks)[:, 0], self.rate)

    def levels_db(self) -> Floats:
        """The level of each of `BANDS_HZ`, (bands,): the mean power of its bins."""
        frames = self.sound[: len(self.sound) // _SPECTRUM * _SPECTRUM].reshape(-1, _SPECTRUM)
        window = np.hanning(_SPECTRUM)
        powers = (np.abs(np.fft.rfft(frames * window)) ** 2).mean(axis=0) / (window**2).sum()
        hertz = np.fft.rfftfreq(_SPECTRUM, 1 / self.rate)
        bands = [powers[(hertz >= low) & (hertz < high)].mean() for low, high in BANDS_HZ]
        return 10 * np.log10(np.array(bands) + 1e-16)

    def beat_db(self) -> Floats:
        """How levels of 3 ms above 8 kHz lie about those of 0.2 s: deviation, 1 % and 99 %."""
        spectrum = np.fft.rfft(self.sound)
        hertz = np.fft.rfftfreq(len(self.sound), 1 / self.rate)
        inside = (hertz >= BEAT_BAND_HZ[0]) & (hertz < BEAT_BAND_HZ[1])
        positive = np.zeros(len(self.sound), np.complex128)
        positive[: len(spectrum)] = np.where(inside, spectrum, 0)
        powers = np.abs(np.fft.ifft(positive)) ** 2
        window = np.hanning(round(_STEP_S * self.rate))
        levels = 10 * np.log10(np.convolve(powers, window, "same")[:: self.rate // 1000] + 1e-20)
        count = round(_AROUND_S * 1000)
        around = np.convolve(levels, np.ones(count) / count, "same")
        beat = (levels - around)[count:-count]
        return np.array([beat.std(), *np.percentile(beat, [1, 99])])


def recordings(folder: Path) -> list[Recording]:
    """All recordings of 32 kHz and more in `folder` and below, by name."""
    found = []
    for path in sorted([*folder.rglob("*.flac"), *folder.rglob("*.wav")]):
        rate = soundfile.info(path).samplerate
        if rate >= 2 * MODEL_RATE:
            sound, _ = soundfile.read(path, round(LONGEST_S * rate), dtype="float32")
            found.append(Recording(path.stem, sound.reshape(len(sound), -1)[:, 0].copy(), rate))
    return found


def _equations(recorded: Recording) -> tuple[Floats, Floats]:
    """A recording's bands as equations in `kept` and `bend`: (bands, 2), (bands,)."""
    cut = recorded.cut()
    context = MODEL_RATE // 5
    place = Place(context, len(cut.sound) - context, context, MODEL_RATE, recorded.rate, None)
    _, heights_db, slopes_db = floor(cut.sound.astype(np.float64), place)
    powers = 10 ** (heights_db / 10)
    # The same noise is denser where there are more samples to a second.
    height_db = 10 * np.log10(powers.mean() * recorded.rate / MODEL_RATE)
    slope_db = float((slopes_db * powers).sum() / powers.sum())  # as loud moments have it
    centres = np.sqrt([low * high for low, high in BANDS_HZ])
    octaves = np.log2(centres / (HIGHEST * MODEL_RATE / 2))
    wanted = recorded.levels_db() - height_db
    return np.stack([slope_db * octaves, octaves**2], axis=1), wanted


def fitted(others: list[Recording]) -> Slope:
    """The rule that is nearest, in dB, to the bands of `others`, each band once."""
    equations = [_equations(recorded) for recorded in others]
    left, right = (np.concatenate(parts) for parts in zip(*equations, strict=True))
    kept, bend = np.linalg.lstsq(left, right, rcond=None)[0]
    return Slope(round(float(kept), 2), round(float(bend), 2))


def _row(recorded: Recording, slope: Slope) -> str:
    """A line of the table."""
    original, off = recorded.levels_db(), recorded.extended(None).levels_db()
    judged = recorded.extended(Air(1, recorded.name, slope=slope))
    shipped = recorded.extended(Air(1, recorded.name))
    bands = [
        f"{off[i] - original[i]:+.0f} / {judged.levels_db()[i] - original[i]:+.1f} / "
        f"{shipped.levels_db()[i] - original[i]:+.1f}"
        for i in range(len(BANDS_HZ))
    ]
    beats = [
        ", ".join(f"{value:.1f}" for value in sound.beat_db()) for sound in (recorded, shipped)
    ]
    rule = f"{slope.kept:g}, {slope.bend:g}"
    return "| " + " | ".join([recorded.name, rule, *bands, *beats]) + " |"


def main() -> None:
    """Print the table that docs/air.md shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    found = recordings(parser.parse_args().folder)
    if len(found) < 2:
        raise SystemExit("at least two recordings of 32 kHz and more are needed")
    bands = [f"{low / 1000:g}–{high / 1000:g} kHz" for low, high in BANDS_HZ]
    heads = ["recording", "kept, bend", *bands, "beat: original", "beat: air"]
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    for recorded in found:
        print(_row(recorded, fitted([other for other in found if other is not recorded])))
    print(f"\nfitted to all: {fitted(found)}")


if __name__ == "__main__":
    run_script(main)
