"""Noise as a function of absolute time: any moment's numbers without drawing those before it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# One 64-bit word makes two normals (a Box-Muller pair). Words are made in tiles of 64: whole
# vector registers on any CPU, so that no number ever falls into a loop's scalar tail, where
# some builds of numpy compute sin, cos and log by other code. That is what makes slices equal
# bit for bit.
_TILE_WORDS = 64
_TILE_NUMBERS = 2 * _TILE_WORDS
_TILE_COUNTERS = _TILE_WORDS // 4  # Philox 4x64 yields four words a counter
_COUNTERS = 2**256
_COURSES = frozenset({"latents"})  # streams that decide what happens when, not its grain
# Their share in common falls by the width to this power. Birds, whose song the latents are, fold
# down as noise does at half width (a correlation of 0.69 against 0.71); at 1 nothing is in common.
_LOYALTY = 6
_PASS_TILES = 256  # tiles per pass: the float64 temporaries stay within a core's cache


@dataclass(frozen=True)
class NoiseField:
    """Standard normal numbers keyed by (seed, stream, absolute position).

    A stream is one endless line of independent numbers, reaching to both sides of zero; frame
    `i` of a field of width `w` holds numbers `i·w … i·w + w − 1` of that line. So a field of
    width 160 read by mel frame and one of width 1 read by sample are the same noise.

    The bits come from Philox 4x64-10 (Salmon et al., "Parallel random numbers: as easy as
    1, 2, 3", 2011), whose raw output numpy promises never to change, keyed by a hash of seed
    and stream. Normals are made from them in float64 (Box & Muller, 1958), so values are the
    same on every machine up to the last bit of float32, and there but for one in some 10^8
    (mathematical libraries differ in the last bit of float64). The largest magnitude is 6.76:
    32 bits choose the radius.

    seed: any integer. stream: a name, such as "latents". width: numbers per frame, at least 1.
    period: after so many frames the first ones come again, as in a loop; None: they never do.
    Raises ValueError for a width or a period below 1.
    """

    seed: int
    stream: str
    width: int
    period: int | None = None

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"a noise field's width is at least 1, not {self.width}")
        if self.period is not None and self.period < 1:
            raise ValueError(f"a noise field's period is at least 1, not {self.period}")

    def frames(self, start: int, count: int) -> NDArray[np.float32]:
        """Frames `start … start + count − 1` as float32 (count, width); `start` may be negative.

        Raises ValueError for a negative count.
        """
        if count < 0:
            raise ValueError(f"cannot draw {count} frames")
        if self.period is None:
            return self._drawn(start, count)
        parts, end = [np.empty((0, self.width), np.float32)], start + count
        while start < end:
            place = start % self.period
            part = self._drawn(place, min(end - start, self.period - place))
            parts.append(part)
            start += len(part)
        return np.concatenate(parts)

    def _drawn(self, start: int, count: int) -> NDArray[np.float32]:
        """Frames of the endless line, whatever the period."""
        first, stop = start * self.width, (start + count) * self.width
        first_tile, stop_tile = first // _TILE_NUMBERS, -(-stop // _TILE_NUMBERS)
        numbers = np.empty((stop_tile - first_tile) * _TILE_NUMBERS, np.float32)
        bits = np.random.Philox(
            key=_key(self.seed, self.stream), counter=first_tile * _TILE_COUNTERS % _COUNTERS
        )
        for at in range(0, len(numbers), _PASS_TILES * _TILE_NUMBERS):
            part = numbers[at : at + _PASS_TILES * _TILE_NUMBERS]
            _fill_normals(bits.random_raw(len(part) // 2), part)
        skipped = first - first_tile * _TILE_NUMBERS
        return numbers[skipped : skipped + count * self.width].reshape(count, self.width)


@dataclass(frozen=True)
class SharedNoise:
    """The noise of one feed among several: partly the same in all of them, partly its own.

    Values are sqrt(common) · shared + sqrt(1 - common) · own: standard normal again, and of two
    feeds' noise the correlation is `common`.
    """

    shared: NoiseField
    own: NoiseField
    common: float

    def frames(self, start: int, count: int) -> NDArray[np.float32]:
        """Frames `start … start + count - 1` as float32 (count, width); as a `NoiseField`'s."""
        mixed = self.shared.frames(start, count)
        mixed *= np.float32(math.sqrt(self.common))
        mixed += np.float32(math.sqrt(1.0 - self.common)) * self.own.frames(start, count)
        return mixed


class Noise(Protocol):
    """Noise to be asked for frames: a `NoiseField`, or what is made of one."""

    def frames(self, start: int, count: int) -> NDArray[np.float32]:
        """Frames `start … start + count - 1` as float32 (count, width)."""
        ...


class WindowNoise(Protocol):
    """Noise to be asked for windows: what a frame is may depend on the window it is in."""

    def window(self, start: int, count: int) -> NDArray[np.float32]:
        """The window of frames `start … start + count - 1` as float32 (count, width)."""
        ...


@dataclass(frozen=True)
class Identified:
    """Noise of windows that all tell of the same thing: a field, but for each window's mean.

    Words leave much open: which of all crickets, how near, in how bright a place. A model reads
    that from a window's noise as a whole, above all from its mean over time, so with a noise field
    alone each window is of another cricket. Here every window has the mean that white noise of its
    length could have, `identity / sqrt(count)`, the same for all. A window's mean and what remains
    are independent in white noise, so windows of it are still exactly standard normal; overlapping
    ones differ by their means alone.

    drawn: the field, or what is made of it. identity: a field of the same width, whose frame 0 it
    is.
    """

    drawn: Noise
    identity: NoiseField

    def window(self, start: int, count: int) -> NDArray[np.float32]:
        """The window of frames `start … start + count - 1` as float32 (count, width)."""
        drawn = self.drawn.frames(start, count)
        mean = self.identity.frames(0, 1)[0] / math.sqrt(max(count, 1))
        off = np.asarray(mean - drawn.mean(axis=0, dtype=np.float64), np.float32)
        return np.asarray(drawn + off, np.float32)


@dataclass(frozen=True)
class Unrest:
    """How strong the slow part of noise is: what is slow in it is what swells in a sound.

    Of each frame, the slow part is the mean of the frames up to `reach` to both sides, the nearer
    the more (a triangle, whose response is nowhere below 0); `share` of it is kept, 1 being all,
    and above 1 it is more than white noise has. A function of absolute frames, as noise itself is.
    With a reach of 10 the deviation of it all is 0.94 at a share of 0, 1.05 at 1.5, 1.19 at 2.5.

    Raises ValueError for a share below 0 or a reach below 1.
    """

    share: float = 1.0
    reach: int = 1

    def __post_init__(self) -> None:
        if self.share < 0 or self.reach < 1:
            raise ValueError(f"noise cannot keep {self.share} of {self.reach} frames' mean")

    def of(self, drawn: Noise) -> Noise:
        """That noise with so much unrest; with all of its own it is left alone, to the bit."""
        return drawn if self.share == 1.0 else Restless(drawn, self)


@dataclass(frozen=True)
class Restless:
    """Noise with another `unrest` than it is `drawn` with."""

    drawn: Noise
    unrest: Unrest

    def frames(self, start: int, count: int) -> NDArray[np.float32]:
        """Frames `start … start + count - 1` as float32 (count, width); as a `NoiseField`'s."""
        reach = self.unrest.reach
        around = self.drawn.frames(start - reach, count + 2 * reach).astype(np.float64)
        slow = np.zeros((count, around.shape[1]))
        for at in range(-reach, reach + 1):  # products and sums alone: slices are equal to the bit
            weight = (reach + 1 - abs(at)) / (reach + 1) ** 2
            slow += weight * around[reach + at : reach + at + count]
        kept = around[reach : reach + count] + (self.unrest.share - 1.0) * slow
        return np.asarray(kept, np.float32)


WHITE = Unrest()
"""All of its own: noise as it is drawn."""


@dataclass(frozen=True)
class Take:
    """What a render's noise is keyed by: a seed, and which of several like feeds it is for.

    Feeds of one seed are of the same scene and the same LOA; the less noise they have in `common`,
    the less alike they sound. What is wholly in common is the noise of a single feed, to the bit.
    What happens when, which a sound's latents decide, parts later than its grain, which is the
    vocoder's: a bird must not sing here and there at a width where rain still is one rain.

    seed: any integer. feed: 0, 1, … of a wide sound. common: the share of the noise's power that
    all feeds have in common, 0 to 1 (see `common_of`).
    Raises ValueError for a negative feed or a share outside 0 to 1.
    """

    seed: int
    feed: int = 0
    common: float = 1.0

    def __post_init__(self) -> None:
        if self.feed < 0:
            raise ValueError(f"feeds are counted from 0, not {self.feed}")
        if not 0.0 <= self.common <= 1.0:
            raise ValueError(f"a common share is a number from 0 to 1, not {self.common}")

    def field(self, stream: str, width: int, period: int | None = None) -> Noise:
        """The noise of one stream, as `NoiseField(seed, stream, width, period)`."""
        shared = NoiseField(self.seed, stream, width, period)
        common = _share(stream, self.common)
        if common == 1.0:
            return shared
        own = NoiseField(self.seed, f"{stream} of feed {self.feed}", width, period)
        return SharedNoise(shared, own, common)

    def windows(self, width: int, period: int | None = None, unrest: Unrest = WHITE) -> WindowNoise:
        """What the windows of latents begin with, `width` numbers a frame.

        All feeds are of one identity: on either side of a wide sound are the same crickets.
        """
        identity = NoiseField(self.seed, "identity", width)
        return Identified(unrest.of(self.field("latents", width, period)), identity)


def common_of(width: float) -> float:
    """The share of noise in common that makes a sound so wide: 1 at 0 (mono), 0 at 1.

    The cosine of a quarter turn: measured on pocket, the correlation of two feeds' samples is the
    share, or a little less where a sound's course differs too, so the level that folding down to
    mono loses grows evenly with the width: 0.7 dB at 0.5, 3 dB at 1 (docs/space.md).

    Raises ValueError for a width outside 0 to 1.
    """
    if not 0.0 <= width <= 1.0:
        raise ValueError(f"a width is a number from 0 to 1, not {width}")
    return math.sin(0.5 * math.pi * (1.0 - width))  # which ends in exactly 1 and exactly 0


def _share(stream: str, common: float) -> float:
    """The share of one stream's noise that feeds with `common` of it all have in common."""
    if stream not in _COURSES:
        return common
    width = math.acos(common) / (0.5 * math.pi)
    return 1.0 - width**_LOYALTY


def _key(seed: int, stream: str) -> int:
    """The 128-bit Philox key of (seed, stream)."""
    name = f"{seed}\0{stream}".encode()  # a number holds no NUL, so no two pairs share a name
    digest = hashlib.blake2b(name, digest_size=16, person=b"ambientgen noise").digest()
    return int.from_bytes(digest, "little")


def _fill_normals(words: NDArray[np.uint64], normals: NDArray[np.float32]) -> None:
    """Two normals from each 64-bit word: the high half gives the radius, the low half the angle."""
    # Half a step is added so that neither half is ever zero, whose logarithm is infinite.
    uniform = ((words >> np.uint64(32)) + 0.5) * 2.0**-32
    radius = np.sqrt(-2.0 * np.log(uniform))
    angle = ((words & np.uint64(0xFFFFFFFF)) + 0.5) * (2.0 * math.pi * 2.0**-32)
    normals[0::2] = radius * np.cos(angle)
    normals[1::2] = radius * np.sin(angle)
