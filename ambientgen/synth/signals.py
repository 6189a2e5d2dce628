"""The building blocks of the textures: shaped noise, grains, slow randomness, levels.

All work at 16 kHz (AudioLDM 2's rate) on float64 arrays; `rng` is the only source of chance, so a
texture is a pure function of (intensity, seed).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve
from scipy.special import ndtr

from ambientgen.units import MODEL_RATE

Samples = NDArray[np.float64]
RATE = MODEL_RATE
N_FFT = 512
HOP = 128

# The span of a texture's level between the faintest (intensity just over 0) and the strongest (1).
# Rain gauges and sound-level meters put drizzle and cloudburst about 25 dB apart.
LEVEL_SPAN_DB = 26.0
# Below this intensity a texture fades linearly to nothing, so that 0 is silence.
FADE_BELOW = 0.06


def level(intensity: Samples, span_db: float = LEVEL_SPAN_DB) -> Samples:
    """Gain 0…1 of an intensity 0…1: linear in dB over `span_db`, fading to 0 at intensity 0."""
    gain: Samples = 10 ** (span_db * (intensity - 1) / 20) * np.minimum(1, intensity / FADE_BELOW)
    return gain


def choose(kinds: Mapping[str, str], kind: str | None, rng: np.random.Generator) -> str:
    """`kind` itself, or one of `kinds` drawn evenly where it is None.

    Raises:
        ValueError: `kind` is none of `kinds`.
    """
    if kind is None:
        return str(rng.choice(list(kinds)))
    if kind not in kinds:
        raise ValueError(f"no kind {kind!r}; the kinds are {', '.join(kinds)}")
    return kind


def slow(n: int, period_s: float, rng: np.random.Generator) -> Samples:
    """Smooth randomness in -1…1 that turns about every `period_s` seconds. Shape (n,)."""
    step = max(1, round(period_s * RATE))
    knots = rng.uniform(-1, 1, n // step + 4)
    # A smooth curve needs few points a knot: straight lines between them save most of the work.
    stride = max(1, step // 32)
    position = np.arange(0, n + stride, stride) / step + rng.uniform()
    index = position.astype(int)
    ease = position - index
    ease = ease * ease * (3 - 2 * ease)
    points = knots[index] * (1 - ease) + knots[index + 1] * ease
    curve: Samples = np.interp(np.arange(n), np.arange(len(points)) * stride, points)
    return curve


def contour(points: dict[float, float], frequencies: Samples) -> Samples:
    """Gain in dB at `frequencies` (Hz) of a spectrum given as {Hz: dB}, linear in log frequency."""
    log_hz = np.log2(np.array(sorted(points)))
    gains: Samples = np.interp(
        np.log2(np.maximum(frequencies, 20)), log_hz, [points[k] for k in sorted(points)]
    )
    return gains


def frame_times(n: int) -> NDArray[np.int64]:
    """Sample index of each STFT frame that `shaped_noise` uses for n samples."""
    return np.minimum(np.arange(n // HOP + 5) * HOP, n - 1)


def shaped_noise(n: int, gains_db: Samples, rng: np.random.Generator) -> Samples:
    """White noise whose spectrum follows `gains_db`, shape (bins,) or (frames, bins). Shape (n,).

    bins = N_FFT / 2 + 1; frames as `frame_times` counts them. Unit gain keeps unit variance.
    """
    frames = n // HOP + 5
    window = np.hanning(N_FFT + 1)[:-1]
    white = rng.standard_normal((frames + 4) * HOP + N_FFT)
    index = np.arange(frames)[:, None] * HOP + np.arange(N_FFT)
    spectra = np.fft.rfft(white[index] * window) * 10 ** (gains_db / 20)
    pieces = np.fft.irfft(spectra, N_FFT) * window / 1.5  # sum of squared Hann at hop N/4 is 1.5
    out = np.zeros(frames * HOP + N_FFT)
    for offset in range(N_FFT // HOP):
        part = pieces[:, offset * HOP : (offset + 1) * HOP].reshape(-1)
        out[offset * HOP : offset * HOP + len(part)] += part
    return out[N_FFT : N_FFT + n]


def bins() -> Samples:
    """Centre frequencies in Hz of `shaped_noise`'s bins."""
    return np.asarray(np.fft.rfftfreq(N_FFT, 1 / RATE), np.float64)


def _turns(at: Samples, width: float, rng: np.random.Generator) -> Samples:
    """Weights (len(at), knots) that blend knots `width` apart over the positions `at`."""
    position = (at - at[0]) / width + rng.uniform()
    index = position.astype(int)
    ease = position - index
    ease = ease * ease * (3 - 2 * ease)
    weights = np.zeros((len(at), int(index[-1]) + 2))
    rows = np.arange(len(at))
    weights[rows, index] = 1 - ease
    weights[rows, index + 1] = ease
    return weights


def shimmer(n: int, period_s: float, octaves: float, rng: np.random.Generator) -> Samples:
    """A field of patches for `shaped_noise`, in about -2…2: each lasts `period_s`, spans `octaves`.

    Real textures are not noise under one gain: their bands move apart by turns. (frames, bins).
    """
    times = _turns(np.arange(n // HOP + 5) * HOP / RATE, period_s, rng)
    bands = _turns(np.log2(np.maximum(bins(), 40) / 40), octaves, rng)
    field: Samples = times @ rng.standard_normal((times.shape[1], bands.shape[1])) @ bands.T
    return field


def blur(samples: Samples, tail_s: float, wet: float, rng: np.random.Generator) -> Samples:
    """`samples` with a tail of echoes that dies by 60 dB in `tail_s`; `wet` is its share, 0…1."""
    n = max(8, int(tail_s * RATE))
    # Air and walls take the high part of echoes first: a short running mean stands for both.
    echoes = np.convolve(rng.standard_normal(n), (0.25, 0.5, 0.25), mode="same")
    echoes *= 10 ** (-3 * np.arange(n) / n)
    echoes *= 1 / np.sqrt(np.sum(echoes**2))
    blurred: Samples = (1 - wet) * samples + wet * fftconvolve(samples, echoes)[: len(samples)]
    return blurred


def decaying_tone(
    hz: float, decay_s: float, rng: np.random.Generator, *, glide: float = 0.0, noise: float = 0.0
) -> Samples:
    """A grain: a tone dying by 60 dB in `decay_s`, its pitch gliding by the factor 1 + glide.

    `noise` 0…1 mixes in noise of the same envelope. Energy is normalised to 1.
    """
    n = max(8, int(decay_s * RATE))
    t = np.arange(n) / RATE
    phase = 2 * np.pi * hz * (t + glide * t * t / (2 * decay_s)) + rng.uniform(0, 2 * np.pi)
    body = (1 - noise) * np.sin(phase) + noise * rng.standard_normal(n)
    grain = body * 10 ** (-3 * t / decay_s) * np.minimum(1, np.arange(n) / 4)
    normalised: Samples = grain / (np.sqrt(np.sum(grain**2)) + 1e-12)
    return normalised


def scatter(
    rate_hz: Samples, rng: np.random.Generator, spread: float = 1.0, most: float = math.inf
) -> Samples:
    """An impulse train of Poisson events, `rate_hz` per sample (n,), with log-normal amplitudes.

    `spread` is the standard deviation of ln(amplitude); mean square amplitude is 1. None of them is
    above `most`, but for what all are raised by to keep that mean.
    """
    hit = rng.random(len(rate_hz)) < rate_hz / RATE
    train = np.zeros(len(rate_hz))
    count = int(hit.sum())
    sizes = np.exp(spread * rng.standard_normal(count) - spread**2)
    if most < math.inf:
        sizes = np.minimum(sizes, most) / _root_mean_square(spread, most)
    train[hit] = sizes * rng.choice([-1.0, 1.0], count)
    return train


def _root_mean_square(spread: float, most: float) -> float:
    """Of `scatter`'s amplitudes, none above `most`: the moments of a log-normal cut there."""
    cut = (math.log(most) + spread**2) / spread  # in standard deviations
    below, above = ndtr(cut - 2 * spread), ndtr(-cut)
    return math.sqrt(below + most**2 * above)


def sprinkle(
    rate_hz: Samples,
    grains: list[Samples],
    rng: np.random.Generator,
    spread: float = 1.0,
    most: float = math.inf,
) -> Samples:
    """Poisson events, each one of `grains`; together `rate_hz` events a second. Shape (n,).

    `spread` and `most` are those of `scatter`.
    """
    train = scatter(rate_hz, rng, spread, most)
    hits = np.flatnonzero(train)
    out = np.zeros(len(train))
    for at, which in zip(hits, rng.integers(len(grains), size=len(hits)), strict=True):
        place(out, train[at] * grains[which], int(at))
    return out


def place(out: Samples, grain: Samples, at: int) -> None:
    """Add `grain` into `out` at sample `at`, cut where it leaves the array."""
    start, stop = max(0, at), min(len(out), at + len(grain))
    if stop > start:
        out[start:stop] += grain[start - at : stop - at]


def event_times(rate_hz: Samples, rng: np.random.Generator, lead_s: float = 0.0) -> list[int]:
    """Sample indices of Poisson events; with `lead_s`, also events that began before the clip."""
    lead = int(lead_s * RATE)
    rates = np.concatenate([np.full(lead, rate_hz[0]), rate_hz])
    return [int(i) - lead for i in np.flatnonzero(rng.random(len(rates)) < rates / RATE)]


def unit(samples: Samples) -> Samples:
    """Scaled to root mean square 1 (silence stays silence)."""
    scaled: Samples = samples / (np.sqrt(np.mean(samples**2)) + 1e-12)
    return scaled
