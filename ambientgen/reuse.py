"""The diffusion stage with a memory: windows made before come from the store, bit for bit.

A window is a pure function of the arguments of `latents.denoise`. So its key is a hash of just
those (the model's content, sampler options, and the very bytes of noise and conditioning) and of
the profile that decides its last bits. Whatever else an edit changes, the window stays found.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
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
        self,
        noise: torch.Tensor,
        conditionings: Sequence[Conditioning],
        checkpoint: Callable[[], None],
    ) -> FloatArray:
        """Latents as rows over time, (B, C * F, T), from noise (B, C, T, F): see `denoise`.

        A batch is stored window by window, and used only whole: its size changes the last bits.
        """
        if self._store is None:
            made = _rows_of(denoise(self._model, noise, conditionings, self._options, checkpoint))
            self._count(computed=len(made))
            return made
        keys = [
            key_of(self._common, f"{place} of {len(noise)}", each.numpy(), *_arrays(given))
            for place, (each, given) in enumerate(zip(noise, conditionings, strict=True))
        ]
        found = [self._kept(key) for key in keys]
        kept = [each for each in found if each is not None]
        if len(kept) == len(keys):
            self._count(reused=len(kept))
            return np.stack(kept)
        made = _rows_of(denoise(self._model, noise, conditionings, self._options, checkpoint))
        if np.isfinite(made).all():  # damaged weights, which are told later, leave no trace
            for key, window in zip(keys, made, strict=True):
                self._store.put(key, window)
        self._count(computed=len(made))
        return made

    def _kept(self, key: str) -> FloatArray | None:
        assert self._store is not None
        found = self._store.get(key)
        return None if found is None else np.asarray(found, np.float32)

    def _count(self, computed: int = 0, reused: int = 0) -> None:
        with self._lock:
            self.computed += computed
            self.reused += reused


def _arrays(conditioning: Conditioning) -> tuple[NDArray[Any], ...]:
    return conditioning.loa.numpy(), conditioning.text.numpy(), conditioning.text_mask.numpy()


def _rows_of(latents: torch.Tensor) -> FloatArray:
    """Latents (B, C, T, F) as rows over time, (B, C * F, T)."""
    rows = latents.transpose(2, 3).flatten(1, 2).contiguous().numpy()
    return np.asarray(rows, np.float32)
