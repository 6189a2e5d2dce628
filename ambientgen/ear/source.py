"""Sound files of any rate, read a block at a time: what is heard is never whole in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import gcd
from os import PathLike
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from ambientgen.ear.texture import RATE
from ambientgen.errors import Problem, UsageError
from ambientgen.sources.whole import cut_short

Array = NDArray[np.float64]

SHORTEST_S = 1.0
"""Less holds nothing to compare a moment with."""

_BLOCK_S = 10
_CONTEXT_S = 0.05  # to both sides of a block that is resampled: longer than the filter rings


@dataclass(frozen=True)
class Sound:
    """A sound file that can be read: its path, rate in Hz, channels, and frames of one sample each.

    `frames` is what the file's header says; damaged files may end before.
    """

    path: Path
    rate: int
    channels: int
    frames: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate

    def blocks(self) -> Iterator[Array]:
        """All samples in order, (frames, channels) each, as they are in the file: NaN too.

        Raises:
            UsageError: the file is damaged further on.
        """
        size = _BLOCK_S * self.rate
        try:
            with soundfile.SoundFile(self.path) as file:
                while len(block := file.read(size, dtype="float64", always_2d=True)):
                    yield block
        except (OSError, soundfile.LibsndfileError) as error:
            raise UsageError(_unreadable(self.path, error)) from None


_UNTOLD = 2**60
"""More samples than this libsndfile counts in a FLAC that was written to a pipe."""


def open_sound(path: str | PathLike[str]) -> Sound:
    """Look at a file's header, and whether the file holds what that promises.

    Raises:
        UsageError: no such file, no sound file, one that was cut short, or shorter than 1 s.
    """
    place = Path(path)
    if not place.exists():
        raise UsageError(Problem(str(place), "there is no such file", "name a sound file"))
    if place.is_dir():
        raise UsageError(Problem(str(place), "is a folder", "name a sound file in it"))
    try:
        with soundfile.SoundFile(str(place)) as file:
            about = Sound(place, file.samplerate, file.channels, file.frames)
            if about.frames > _UNTOLD:
                what = "does not say how long it is"
                raise UsageError(Problem(str(place), what, "save it to a file, not to a pipe"))
            cut = cut_short(place, file) if about.frames else None
    except (OSError, soundfile.LibsndfileError) as error:
        raise UsageError(_unreadable(place, error)) from None
    if cut is not None:
        what = f"is cut short: {cut.held_s:.2f} s are there, and "
        what += "its end is not" if cut.told_s is None else f"it should last {cut.told_s:.2f} s"
        raise UsageError(Problem(str(place), what, "copy it again, whole"))
    if about.duration_s < SHORTEST_S:
        what = f"{about.duration_s:.2f} s are too short to be judged"
        raise UsageError(Problem(str(place), what, f"at least {SHORTEST_S:.0f} s are needed"))
    return about


def _unreadable(path: Path, error: Exception) -> Problem:
    said = " ".join(str(error).split()).rstrip(".")
    reason = said.rpartition(": ")[2] or type(error).__name__
    remedy = "name a WAV, FLAC or OGG file that other programs play"
    return Problem(str(path), f"cannot be read as sound ({reason})", remedy)


def finite(block: Array) -> Array:
    """The block with zeros for NaN and infinities, which one measure counts and no other knows."""
    return np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)


def resampled(blocks: Iterable[Array], rate: int) -> Iterator[Array]:
    """Mono blocks (n,) at `rate` as blocks at 16 kHz, the same as if resampled in one piece."""
    common = gcd(rate, RATE)
    up, down = RATE // common, rate // common
    if up == down:
        yield from blocks
        return
    edge = -(-int(_CONTEXT_S * rate) // down) * down  # whole steps, so that blocks fit together
    held, lead = np.zeros(0), 0
    for block in blocks:
        held = np.concatenate([held, block])
        ready = (len(held) - lead - edge) // down * down
        if ready <= 0:
            continue
        out = resample_poly(held[: lead + ready + edge], up, down)
        yield out[lead // down * up : (lead + ready) // down * up]
        keep = max(0, lead + ready - edge)
        held, lead = held[keep:], lead + ready - keep
    if len(held) > lead:
        yield resample_poly(held, up, down)[lead // down * up :]


def pieces(blocks: Iterable[Array], size: int, overlap: int) -> Iterator[Array]:
    """Blocks cut anew: `size` + `overlap` samples each, every piece `size` after the last.

    The last piece is what is left: shorter than the others, but it may be longer than `size`.
    """
    held: list[Array] = []
    length = 0
    for block in blocks:
        held.append(block)
        length += len(block)
        while length >= size + overlap:
            joined = np.concatenate(held)
            yield joined[: size + overlap]
            held, length = [joined[size:]], length - size
    if length:
        yield np.concatenate(held)
