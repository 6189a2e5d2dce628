"""The diffusion stage with a memory: windows made before come from the store, bit for bit.

A window is a pure function of the arguments of `latents.denoise`. So its key is a hash of just
those (the model's content, sampler options, and the very bytes of noise and conditioning), of the
profile, and of its row in a pass of so many, which decide its last bits. Whatever else an edit
changes, the window stays found.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ambientgen.latents import SamplerOptions, denoise
from ambientgen.loa import Conditioning
from ambientgen.models.loading import Model
from ambientgen.models.profile import Profile, processor
from ambientgen.store import Store, key_of

FloatArray = NDArray[np.float32]
Given = Mapping[int, tuple[torch.Tensor, Conditioning]]


class WindowMaker:
    """Makes windows with one model and one set of sampler options, or takes them from `store`.

    content: the model's fingerprint. `computed` and `reused` count windows. Threads may share it.
    """

    def __init__(
        self,
        model: Model,
        content: str,
        profile: Profile,
        options: SamplerOptions,
        store: Store | None,
    ) -> None:
        self._model, self._options, self._store = model, options, store
        self._lock = threading.Lock()
        self.computed = self.reused = 0
        spoken = repr((sorted(profile.to_json().items()), processor()))
        sampler = repr((options.steps, float(options.guidance), options.scheduler))
        if options.strength != 1:
            sampler += f" from {options.strength!r}"
        against = () if options.negative is None else _arrays(options.negative)
        self._common = key_of("window", content, spoken, sampler, *against)

    def make(
        self, given: Given, rows: int, checkpoint: Callable[[], None]
    ) -> dict[int, FloatArray]:
        """Latents as rows over time, (C * F, T), of windows that share a pass: see `denoise`.

        given: noise (C, T, F) and conditioning of each window, by its row of the pass's `rows`.
        The other rows are filled up. Row and rows are part of a window's key, as its last bits
        depend on them; who else was in the pass is not.
        """
        keys = {row: self._key(row, rows, *each) for row, each in given.items()}
        latents: dict[int, FloatArray] = {}
        for row, key in keys.items():
            found = self._kept(key)
            if found is not None:
                latents[row] = found
        missing = [row for row in given if row not in latents]
        if missing:
            passed = self._passed({row: given[row] for row in missing}, rows, checkpoint)
            if self._store is not None and all(np.isfinite(each).all() for each in passed.values()):
                for row, window in passed.items():  # of damaged weights, told later, is no trace
                    self._store.put(keys[row], window)
            latents |= passed
        with self._lock:
            self.computed += len(missing)
            self.reused += len(given) - len(missing)
        return latents

    def _passed(
        self, given: Given, rows: int, checkpoint: Callable[[], None]
    ) -> dict[int, FloatArray]:
        """What the model makes of some rows of a pass."""
        filling = next(iter(given.values()))
        filled = [given.get(row, filling) for row in range(rows)]
        noise = torch.stack([each for each, _ in filled])
        conditionings = [each for _, each in filled]
        latents = denoise(self._model, noise, conditionings, self._options, checkpoint)
        return {row: _over_time(latents[row]) for row in given}

    def _key(self, row: int, rows: int, noise: torch.Tensor, conditioning: Conditioning) -> str:
        if self._store is None:
            return ""
        return key_of(self._common, f"{row} of {rows}", noise.numpy(), *_arrays(conditioning))

    def _kept(self, key: str) -> FloatArray | None:
        found = None if self._store is None else self._store.get(key)
        return None if found is None else np.asarray(found, np.float32)


def _arrays(conditioning: Conditioning) -> tuple[NDArray[Any], ...]:
    return conditioning.loa.numpy(), conditioning.text.numpy(), conditioning.text_mask.numpy()


def _over_time(latents: torch.Tensor) -> FloatArray:
    """Latents (C, T, F) as rows over time, (C * F, T)."""
    rows = latents.transpose(1, 2).flatten(0, 1).contiguous().numpy()
    return np.asarray(rows, np.float32)
