"""What all sources of one render share: where work runs, models, the store, and who is told."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ambientgen.messages import Listener, Notice, WindowsDone
from ambientgen.models.batch import batch_for
from ambientgen.models.loading import Model
from ambientgen.passes import Conditionings
from ambientgen.plan import Plan
from ambientgen.store import Store
from ambientgen.workers import Workers


class Progress:
    """Counts the windows of all sources together, and tells a listener."""

    def __init__(self, tell: Listener) -> None:
        self._tell = tell
        self._done, self._total = 0, 0.0

    def expect(self, windows: float) -> None:
        """So many more will come; infinite: they never end."""
        self._total += windows

    def advance(self) -> None:
        """One more is done."""
        self._done += 1
        endless = math.isinf(self._total)
        self._tell(WindowsDone(self._done, None if endless else max(int(self._total), self._done)))


@dataclass(frozen=True)
class Studio:
    """What a source that is made by a model works with.

    model: gives a loaded one by its name. content: its fingerprint. meaning: what each window of a
    plan is told. batch: longest windows in a pass of the UNet, of a model and of their latent
    frames.
    """

    workers: Workers
    store: Store | None
    tell: Listener
    model: Callable[[str], Model]
    content: Callable[[Model], str]
    meaning: Callable[[Model, Plan, Workers], Conditionings]
    batch: Callable[[Model, int], int] = batch_for

    def check_store(self) -> None:
        """Tell what became of the store, if it can keep nothing any more."""
        if self.store is not None and (trouble := self.store.trouble()):
            self.tell(Notice(trouble))
