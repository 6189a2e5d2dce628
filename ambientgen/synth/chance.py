"""Chance in two hands: what makes a sound this very one, and what only passes in it.

A texture draws both from its one `rng`, and that is right for a clip by itself. A long sound is
made of pieces: there the traits (how deep the brook, who the singers are) must be the same in all
of them, while the drops and the calls must not. `lasting` and `apart` let a texture say which is
which; of a plain generator they give nothing but that generator's own next numbers.
"""

from __future__ import annotations

import hashlib

import numpy as np

Key = str | int


class Passing(np.random.Generator):
    """What chances in one piece of the long sound called `identity`; new in each piece.

    first: the sample that the piece begins with. feed: which of several like sounds it is, of a
    wide one; None: the only one. All with one `identity` agree about all that lasts.
    """

    def __init__(self, identity: tuple[Key, ...], first: int, feed: int | None = None) -> None:
        own = () if feed is None else ("feed", feed)
        super().__init__(np.random.PCG64(seed_of(*identity, "piece", first, *own)))
        self.identity, self.first, self.feed = identity, first, feed

    def lasting(self, key: tuple[Key, ...]) -> np.random.Generator:
        """What chooses the traits called `key`, from its beginning."""
        return np.random.default_rng(seed_of(*self.identity, "lasting", *key))

    def apart(self, key: Key) -> Passing:
        """One of many within this piece, with traits of its own."""
        return Passing((*self.identity, key), self.first, self.feed)


def seed_of(*key: Key) -> int:
    """A seed in 0…2^128 - 1 that `key` chooses, unlike any other key's."""
    spoken = "\0".join(f"{type(part).__name__} {part}" for part in key).encode()
    digest = hashlib.blake2b(spoken, digest_size=16, person=b"ambientgen synth")
    return int.from_bytes(digest.digest(), "little")


def lasting(rng: np.random.Generator, *key: Key) -> np.random.Generator:
    """What chooses traits: `rng` itself; in a piece of a long sound, the same for all its pieces.

    There each call begins anew, so each place that draws needs a `key` of its own.
    """
    return rng.lasting(key) if isinstance(rng, Passing) else rng


def apart(rng: np.random.Generator, key: Key) -> np.random.Generator:
    """A generator for one of many (an animal, a voice), whatever the others draw."""
    if isinstance(rng, Passing):
        return rng.apart(key)
    return np.random.default_rng(rng.integers(2**63))


def first_sample(rng: np.random.Generator) -> int | None:
    """Where in its long sound a piece begins; None: it is a clip by itself."""
    return rng.first if isinstance(rng, Passing) else None
