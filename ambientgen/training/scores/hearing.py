"""Blind measures of a waveform: levels of bands, densities of events, how they follow and move."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr

from ambientgen.synth.signals import RATE
from ambientgen.training.corpus import FLOOR_RMS
from ambientgen.training.scores.bench import Bench
from ambientgen.training.scores.teacher import Audio, Wish

FRAME, HOP = 512, 256  # samples: 32 ms every 16 ms
BANDS = 28
EDGES_HZ = np.geomspace(60, 8000, BANDS + 1)
PORTRAIT_LEVEL, PORTRAIT_S, PORTRAIT_TAKES = 0.7, 6.0, 4
CONTRASTING = 7  # bands in which a state is looked for beside others: a quarter of them
ONSET_DB, ONSET_FRAMES = 6.0, 4  # an event is a rise by so much within 64 ms
OVER_FLOOR_DB = 10.0  # and so far above the microphone's noise


def _bank() -> Audio:
    """Which bins belong to which band: (FRAME / 2 + 1, BANDS), each row at most one 1."""
    hz = np.fft.rfftfreq(FRAME, 1 / RATE)
    band = np.clip(np.searchsorted(EDGES_HZ, hz, "right") - 1, 0, BANDS - 1)
    bank = np.zeros((len(hz), BANDS))
    bank[np.arange(len(hz)), band] = hz >= RATE / FRAME
    return bank


BANK = _bank()
FILLED = BANK.sum(0) > 0  # the lowest bands are narrower than a bin: some have none


def band_powers(audio: Audio) -> Audio:
    """Power in each band over time, (frames, BANDS); white noise of variance 1 has its bins."""
    frames = np.lib.stride_tricks.sliding_window_view(audio, FRAME)[::HOP]
    window = np.hanning(FRAME)
    spectra = np.abs(np.fft.rfft(frames * (window / np.sqrt(np.sum(window**2))))) ** 2
    return np.asarray(spectra @ BANK)


def decibels(power: Audio) -> Audio:
    """10 log10, with a floor far below 16 bits."""
    return np.asarray(10 * np.log10(power + 1e-12))


def portrait(bench: Bench, state: str) -> Audio:
    """Mean band powers (BANDS,) of a state's procedural takes."""
    wishes = portrait_wishes(state)
    return np.asarray(np.mean([band_powers(bench.teacher.take(w)).mean(0) for w in wishes], axis=0))


def portrait_wishes(state: str) -> list[Wish]:
    """The takes that a portrait is made of."""
    return [Wish.held(state, PORTRAIT_LEVEL, PORTRAIT_S, s) for s in range(PORTRAIT_TAKES)]


def weights(bench: Bench, state: str, others: Sequence[str] = ()) -> Audio:
    """Where to listen for a state: weights (BANDS,) summing to 1.

    Alone: where its procedural sound is, by amplitude, so that no single band is the measure.
    Beside `others`: the quarter of the bands in which it stands out most, all alike.
    """
    own = portrait(bench, state)
    if not others:
        amplitude = np.sqrt(own)
        return np.asarray(amplitude / amplitude.sum())
    rest = np.sum([portrait(bench, other) for other in others], axis=0)
    ratio = np.where(FILLED, own / (rest + 1e-12), 0)
    chosen = np.zeros(BANDS)
    chosen[np.argsort(ratio)[-CONTRASTING:]] = 1 / own[np.argsort(ratio)[-CONTRASTING:]]
    return np.asarray(chosen / chosen.sum())


def floor_db(bench: Bench, listening: Audio) -> float:
    """Level of the corpus' microphone noise, as the model's gain brings it, in weighted bands."""
    noise = FLOOR_RMS**2 * BANK.sum(0) * 10 ** (bench.gain_db / 10)
    return float(decibels(np.asarray(noise @ listening)))


def levels_db(audio: Audio, listening: Audio, bins: int) -> Audio:
    """Level of weighted bands in each of `bins` equal stretches, (bins,) in dB."""
    power = band_powers(audio) @ listening
    return np.asarray([decibels(part.mean()) for part in stretches(power, bins)])


def stretches(values: Audio, count: int) -> list[Audio]:
    """Frames (n, ...) in `count` stretches, each within half a frame of where it belongs.

    (`np.array_split` makes the first ones a frame longer than the last: of 48 s in 192 stretches
    that of 29.25 s began at 29.95 s.)
    """
    edges = np.round(np.linspace(0, len(values), count + 1)).astype(int)
    return np.split(values, edges[1:-1])


def densities(audio: Audio, listening: Audio, bins: int, floor: float) -> Audio:
    """Events a second in each of `bins` equal stretches: onsets in the weighted bands."""
    level = decibels(band_powers(audio) @ listening)
    before = np.stack([np.roll(level, k) for k in range(1, ONSET_FRAMES + 1)]).min(0)
    rises = (level - before > ONSET_DB) & (level > floor + OVER_FLOOR_DB)
    rises[:ONSET_FRAMES] = False
    onsets = rises & ~np.roll(rises, 1)
    stretch_s = len(audio) / RATE / bins
    return np.asarray([part.sum() / stretch_s for part in stretches(onsets, bins)])


def follows(asked: Audio, heard: Audio) -> float:
    """Spearman's rank correlation; 0 where nothing moves at all."""
    if np.ptp(heard) == 0 or np.ptp(asked) == 0:
        return 0.0
    return float(spearmanr(asked.round(6), heard).statistic)


def standardised(values: Audio) -> Audio:
    """Mean 0 and deviation 1; zeros if all are equal."""
    return np.asarray((values - values.mean()) / (values.std() or 1.0))


def envelope_likeness(one: Audio, other: Audio, listening: Audio) -> float:
    """Mean correlation of band envelopes (amplitude, 16 ms) of two takes over weighted bands."""
    a, b = (np.sqrt(band_powers(audio)) for audio in (one, other))
    likeness = [np.corrcoef(a[:, band], b[:, band])[0, 1] for band in np.flatnonzero(listening > 0)]
    return float(np.mean(likeness))
