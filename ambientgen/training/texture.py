"""Statistics of texture with gradients: what tells rain from a stream, whatever its exact course.

The same groups as the ear's (`ear/texture.py`, after McDermott and Simoncelli 2011), in torch and
with bands of its own, so that what is learnt is the sound and not the measure to the letter.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from scipy.signal.windows import tukey
from torch import Tensor
from torch.nn import functional as F

from ambientgen.ear.texture import RATE, UNITS

BANDS, LOWEST_HZ, HIGHEST_HZ = 28, 60.0, 7_400.0
COMPRESSION = 0.3  # of the basilar membrane, as in the paper
HOP = 40  # samples of a frame of envelope: 400 Hz, as in the paper

_APART = (1, 2, 3, 5, 8, 12)  # bands, between correlated envelopes
_RATES_HZ = 0.75 * 2 ** (np.arange(16) / 2)  # 0.75 to 136 Hz, two an octave
_SLOWEST, _FASTEST = 3, 12  # of these, for correlations of modulations: 2.1 to 48 Hz
_OCTAVE = 2
_LEVEL = 0.01  # root mean square of a sound when it is heard
_EDGE = 40  # of so many parts of a sound, the first and the last are left out: they ring
_MOST_SKEWED = 8.0
_TINY = 1e-10  # a root has no slope at 0


class _Band(NamedTuple):
    """A band's place, its first bin in a spectrum, and its weights there."""

    number: int
    first: int
    weights: Tensor


def texture_energy(one: Tensor, other: Tensor, sound: Tensor) -> dict[str, Tensor]:
    """The energy distance, by group of statistics, of two drafts and a sound (B, n) at 16 kHz.

    The last term, how far the drafts lie from each other, is what chance alone makes of statistics
    of a few seconds. n is a multiple of HOP; less than half a second holds too few modulations.
    """
    level = _LEVEL / (sound.square().mean(-1, keepdim=True).sqrt() + 1e-6)
    a, b, true = (statistics(audio * level) for audio in (one, other, sound))
    return {
        group: (
            (a[group] - true[group]).abs().mean()
            + (b[group] - true[group]).abs().mean()
            - (a[group] - b[group]).abs().mean()
        )
        / unit
        for group, unit in UNITS.items()
    }


def statistics(audio: Tensor) -> dict[str, Tensor]:
    """The statistics of sounds (B, n), each group (B, values), by its name."""
    whole = envelopes(audio)
    edge = whole.shape[-1] // _EDGE
    heard = whole[..., edge : whole.shape[-1] - edge]
    frames = heard.shape[-1]
    mean = heard.mean(-1)
    moving = heard - mean[..., None]
    deviation = (moving.square().mean(-1) + 1e-8).sqrt()
    z = moving / deviation[..., None]
    alike = z @ z.transpose(1, 2) / frames
    spectrum = torch.fft.rfft(z * _taper(frames))
    return {
        "mean": mean,
        "variation": deviation / (mean + 1e-3),
        "skewness": z.pow(3).mean(-1).clamp(-_MOST_SKEWED, _MOST_SKEWED),
        "kurtosis": z.pow(4).mean(-1).clamp_min(1).log(),
        "correlation": torch.cat([torch.diagonal(alike, apart, 1, 2) for apart in _APART], -1),
        **_modulations(spectrum, frames),
    }


def envelopes(audio: Tensor) -> Tensor:
    """Compressed envelopes of BANDS bands of sounds (B, n), even in ERB: (B, BANDS, n / HOP)."""
    samples = audio.shape[-1]
    spectrum, frames = torch.fft.rfft(audio), samples // HOP
    rows: list[Tensor] = [audio] * BANDS
    for size, bands in _cochlea(samples).items():
        parts = [
            F.pad(2 * spectrum[:, first : first + len(weights)] * weights, (0, size - len(weights)))
            for _, first, weights in bands
        ]
        analytic = torch.fft.ifft(torch.stack(parts, 1)) * (size / samples)
        power = analytic.real.square() + analytic.imag.square()
        slow = torch.fft.rfft((power + _TINY) ** (COMPRESSION / 2))[..., : frames // 2 + 1]
        made = torch.fft.irfft(slow, frames) * (frames / size)
        for row, (number, _, _) in enumerate(bands):
            rows[number] = made[:, row]
    return torch.stack(rows, 1).clamp_min(0)


def _modulations(spectrum: Tensor, frames: int) -> dict[str, Tensor]:
    """Of envelopes' spectra (B, BANDS, bins): power by rate, how neighbouring bands' modulations
    are alike, and how rates an octave apart lie to each other."""
    bank = _rates(frames)
    density = 2 * (spectrum.real.square() + spectrum.imag.square()) / frames**2
    power = density @ bank.square().T
    some = bank[_SLOWEST : _FASTEST + 1]
    own = power[..., _SLOWEST : _FASTEST + 1]
    across = []
    for apart in (1, 2):
        low, high = spectrum[:, :-apart], spectrum[:, apart:]
        cross = 2 * (low.real * high.real + low.imag * high.imag) / frames**2
        scale = (own[:, :-apart] * own[:, apart:]).clamp_min(_TINY).sqrt() + 1e-6
        across.append((cross @ some.square().T / scale).flatten(1))
    return {
        "modulation": (power + 1e-4).log10().flatten(1),
        "across_channels": torch.cat(across, -1),
        "across_rates": _phases(spectrum, some, frames),
    }


def _phases(spectrum: Tensor, bank: Tensor, frames: int) -> Tensor:
    """How each modulation's doubled phase lies in that an octave above: (B, values)."""
    length = frames // 4
    bins = min(spectrum.shape[-1], length)
    part = F.pad((spectrum[:, :, None] * bank)[..., :bins], (0, length - bins))
    analytic = torch.fft.ifft(part)
    power = analytic.real.square() + analytic.imag.square()
    low, high = analytic[:, :, :-_OCTAVE], analytic[:, :, _OCTAVE:]
    doubled = low.square() / (power[:, :, :-_OCTAVE] + 1e-14).sqrt()
    powers = power.mean(-1)
    scale = (powers[:, :, :-_OCTAVE] * powers[:, :, _OCTAVE:] + 1e-16).sqrt()
    relation = (doubled.conj() * high).mean(-1) / scale
    return torch.cat([relation.real.flatten(1), relation.imag.flatten(1)], -1)


@cache
def _cochlea(samples: int) -> dict[int, list[_Band]]:
    """Half-cosine bands for a spectrum of so many samples, by how many samples each envelope is
    made at: at least 800 Hz, and twice the band, so that overtones do not fold."""

    def erb_number(hz: np.ndarray) -> np.ndarray:  # Glasberg and Moore 1990
        return np.asarray(21.4 * np.log10(1 + 0.00437 * hz))

    low, high = erb_number(np.array([LOWEST_HZ, HIGHEST_HZ]))
    edges = np.linspace(low, high, BANDS + 2)
    step = edges[1] - edges[0]
    at = erb_number(np.fft.rfftfreq(samples, 1 / RATE))
    bands: dict[int, list[_Band]] = {}
    for index, centre in enumerate(edges[1:-1]):
        inside = np.flatnonzero(np.abs(at - centre) < step)
        weights = np.cos(np.pi / 2 * (at[inside] - centre) / step)
        size = 2 * samples // HOP
        while size < 2 * len(weights):
            size *= 2
        band = _Band(index, int(inside[0]), torch.from_numpy(weights).float())
        bands.setdefault(size, []).append(band)
    return bands


@cache
def _rates(frames: int) -> Tensor:
    """Half-cosine bands of modulation, even in octaves: (rates, frames / 2 + 1)."""
    hz = np.fft.rfftfreq(frames, HOP / RATE)
    octaves = np.log2(np.maximum(hz, 1e-6))[None] - np.log2(_RATES_HZ)[:, None]
    inside = np.abs(octaves * _OCTAVE) < 1
    bank = np.where(inside, np.cos(np.pi / 2 * octaves * _OCTAVE), 0.0)
    return torch.from_numpy(bank).float()


@cache
def _taper(frames: int) -> Tensor:
    window = tukey(frames, 0.1)
    return torch.from_numpy(window / np.sqrt(np.mean(window**2))).float()
