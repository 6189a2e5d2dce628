"""With what a command computes: device, workers, batch and store, as its options say."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ambientgen.cli.options import Device

if TYPE_CHECKING:
    from ambientgen.messages import Listener
    from ambientgen.renderer import Renderer
    from ambientgen.store import Store


@dataclass(frozen=True)
class Equipment:
    """What `--device`, `--workers`, `--batch` and those of the store came to."""

    device: Device
    workers: int | None
    batch: int | None
    store: Store | None = None

    def renderer(self, listener: Listener) -> Renderer:
        """A renderer with all of it. Imports torch, which takes seconds."""
        from ambientgen.memory import keep_memory

        keep_memory()
        gc.disable()  # imports make a million objects and no garbage: to look for it takes 0.2 s
        try:
            from ambientgen.renderer import Renderer
        finally:
            gc.enable()
        return Renderer(self.device.value, self.workers, listener, self.store, self.batch)
