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
from scipy.ndimage import uniform_filter1d
from scipy.signal import resample_poly

from ambientgen.audio_file.intact import check_no_pipe, flaw_of, reason_of
from ambientgen.audio_file.opened import opened
from ambientgen.ear.texture import RATE
from ambientgen.errors import Problem, UsageError

Array = NDArray[np.float64]

SHORTEST_S = 1.0
"""Less holds nothing to compare a moment with."""
SLOWEST_HZ = 4_000
"""Files of a lower rate hold no sound that loudness could be measured of."""

_MOST = 1e6  # 120 dB over full scale: larger numbers are no samples
CANCELLED = 1e-4  # of the channels' power left in their mean: what is left is rounding
_CANCELLING = 4_096  # samples that are asked for it at a time, and of a fade to what is heard then
_FADE = 256

_SURROUND = ("FL", "FR", "FC", "LFE", "BL", "BR")
_QUAD = ("FL", "FR", "BL", "BR")
SPEAKERS = {4: _QUAD, 5: ("FL", "FR", "FC", "BL", "BR"), 6: _SURROUND}
"""By number, the channels of files in which it matters which is which, in WAV's order."""
# In Ogg's order (Vorbis I, 4.3.9; of Opus RFC 7845, 5.1.1.2).
_OGG = {5: ("FL", "FC", "FR", "BL", "BR"), 6: ("FL", "FC", "FR", "BL", "BR", "LFE")}
AMBISONICS = ("W", "Y", "Z", "X")  # of first order, in ACN's order

STEP = 1 / 32768  # between the values of 16 bits, of full scale
# Of other formats; those not named are no coarser. The laws have 16 steps from a half to full.
_STEPS = {"PCM_U8": 1 / 128, "PCM_S8": 1 / 128, "ULAW": 1 / 32, "ALAW": 1 / 32}
_BLOCK_S = 10
_CONTEXT_S = 0.05  # to both sides of a block that is resampled: longer than the filter rings


@dataclass(frozen=True)
class Sound:
    """A sound file that can be read: its path, rate in Hz, channels, and frames of one sample each.

    `frames` is what the file's header says; damaged files may end before. `step`: between
    neighbouring values near full scale, as a part of it. `speakers`: the channels' names, "" of
    those that are like all others.
    """

    path: Path
    rate: int
    channels: int
    frames: int
    step: float = STEP
    speakers: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate

    def mono(self, block: Array) -> Array:
        """Finite samples (n, channels) as one channel (n,): of ambisonics W, which has what sounds
        from all sides; else `mono`."""
        if "W" in self.speakers:
            return np.ascontiguousarray(block[:, self.speakers.index("W")])
        return mono(block)

    def blocks(self) -> Iterator[Array]:
        """All samples in order, (frames, channels) each, as they are in the file: NaN too.

        Raises:
            UsageError: the file is damaged further on.
        """
        size = _BLOCK_S * self.rate
        try:
            with opened(self.path) as file:
                while len(block := file.read(size, dtype="float64", always_2d=True)):
                    yield block
        except (OSError, soundfile.LibsndfileError) as error:
            raise UsageError(unreadable(self.path, error)) from None

    def excerpt(self, start_s: float, length_s: float) -> Array:
        """A stretch in one channel, (n,), at the file's rate: shorter where the file ends before.

        Raises:
            UsageError: the file is damaged there.
        """
        try:
            with opened(self.path) as file:
                file.seek(max(0, min(round(start_s * self.rate), self.frames)))
                block = file.read(round(length_s * self.rate), dtype="float64", always_2d=True)
        except (OSError, soundfile.LibsndfileError) as error:
            raise UsageError(unreadable(self.path, error)) from None
        return self.mono(finite(block))


def open_sound(path: str | PathLike[str]) -> Sound:
    """Look at a file's header, and whether the file holds what that promises.

    Raises:
        UsageError: no such file, a pipe, no sound file, one that was cut short, or shorter than
            1 s.
    """
    place = Path(path)
    check_no_pipe(place)
    try:
        if place.is_dir():
            raise UsageError(Problem(str(place), "is a folder", "name a sound file in it"))
        with place.open("rb"):
            pass  # the system says better than the library why it cannot be read
        with opened(place) as file:
            step = _STEPS.get(file.subtype, STEP)
            known = SPEAKERS | _OGG if file.format == "OGG" else SPEAKERS
            speakers = known.get(file.channels, ("",) * file.channels)
            about = Sound(place, file.samplerate, file.channels, file.frames, step, speakers)
            flaw = flaw_of(place, file)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            Problem(str(place), "there is no such file", "name a sound file")
        ) from None
    except (OSError, soundfile.LibsndfileError) as error:
        raise UsageError(unreadable(place, error)) from None
    if flaw is not None:
        raise UsageError(Problem(str(place), *flaw))
    if about.rate < SLOWEST_HZ:
        what = f"{about.rate} Hz is no rate of sound"
        raise UsageError(Problem(str(place), what, f"at least {SLOWEST_HZ} Hz are needed"))
    if about.duration_s < SHORTEST_S:
        what = f"{about.duration_s:.2f} s are too short to be judged"
        raise UsageError(Problem(str(place), what, f"at least {SHORTEST_S:.0f} s are needed"))
    return about


def unreadable(path: Path, error: Exception) -> Problem:
    """A file that cannot be read, or not as sound, or not to its end."""
    if isinstance(error, OSError):
        reason = (error.strerror or str(error)).lower()
        remedy = "let it be read" if isinstance(error, PermissionError) else "name another file"
        return Problem(str(path), f"cannot be read ({reason})", remedy)
    remedy = "name a WAV, FLAC or OGG file that other programs play"
    if path.suffix.lower() in (".yaml", ".yml"):
        remedy = "render the scene, and name its sound"
    return Problem(str(path), f"cannot be read as sound ({reason_of(error)})", remedy)


def broken(block: Array) -> NDArray[np.bool_]:
    """Which samples are none: NaN, infinities, and numbers beyond any level."""
    return ~(np.abs(block) <= _MOST)


def finite(block: Array) -> Array:
    """The block with zeros for samples that are none, which one measure counts and no other
    knows."""
    return np.where(broken(block), 0.0, block)


def mono(block: Array) -> Array:
    """Finite samples (n, channels) as one channel (n,): their mean.

    Where channels cancel one another, all but rounding, the loudest of the block.
    """
    mixed: Array = block.mean(axis=1)
    if block.shape[1] < 2 or not len(block):
        return mixed
    starts = np.arange(0, len(block), _CANCELLING)
    powers = np.add.reduceat(block**2, starts, axis=0)
    cancelled = np.add.reduceat(mixed**2, starts) < CANCELLED * powers.mean(axis=1)
    if not cancelled.any():
        return mixed
    loudest = np.ascontiguousarray(block[:, int(powers.sum(axis=0).argmax())])
    if cancelled.all():
        return loudest
    share = np.repeat(cancelled.astype(np.float64), _CANCELLING)[: len(block)]
    share = uniform_filter1d(share, _FADE, mode="nearest")
    return np.asarray(mixed + share * (loudest - mixed))


def resampled(blocks: Iterable[Array], rate: int) -> Iterator[Array]:
    """Mono blocks (n,) at `rate` as blocks at 16 kHz, the same as if resampled in one piece.

    Behind its end a sound is taken to go on as it came, turned round: with nothing there, the
    filter would ring like a click.
    """
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
        behind = 2 * held[-1] - held[-2 : -edge - 2 : -1]
        out = resample_poly(np.concatenate([held, behind]), up, down)
        yield out[lead // down * up : -(-len(held) * up // down)]


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
