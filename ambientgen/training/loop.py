"""The loop every component is trained by: steps, EMA, learning rate, checkpoints, log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

StepLoss = Callable[[int], dict[str, Tensor]]
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a component learns.

    The learning rate warms up over `warmup` steps, holds, and falls to zero in a cosine over the
    last `decay` share of the steps.
    """

    steps: int
    learning_rate: float
    warmup: int = 100
    decay: float = 0.3
    ema: float = 0.999
    weight_decay: float = 0.0

    def rate_at(self, step: int) -> float:
        """Learning rate at `step`."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        tail = self.steps * self.decay
        left = (self.steps - step) / max(1.0, tail)
        if left >= 1:
            return self.learning_rate
        return self.learning_rate * 0.5 * (1 - float(torch.cos(torch.tensor(torch.pi * left))))


class Ema:
    """An exponential moving average of a module's floating-point state, warmed up."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.shadow = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move towards `module` after optimiser step `step`."""
        keep = min(self.decay, (1 + step) / (10 + step))
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                self.shadow[name].lerp_(value, 1 - keep)
            else:
                self.shadow[name].copy_(value)


@dataclass
class Fit(Generic[Network]):
    """One component's training. The step's losses are summed; `loss(step)` must depend on `step`
    alone for its chance (seed from it), so that a resumed run goes on as it would have."""

    module: Network
    loss: StepLoss
    schedule: Schedule
    folder: Path
    name: str
    checkpoint_every_s: float = 180.0

    def run(self) -> Network:
        """Train to the end, from the checkpoint if there is one; the module gets EMA weights."""
        optimiser = torch.optim.AdamW(
            self.module.parameters(),
            lr=self.schedule.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=self.schedule.weight_decay,
        )
        ema = Ema(self.module, self.schedule.ema)
        first = self._resume(optimiser, ema)
        saved = time.monotonic()
        for step in range(first, self.schedule.steps):
            self._step(step, optimiser, ema)
            if time.monotonic() - saved > self.checkpoint_every_s:
                self._save(step + 1, optimiser, ema)
                saved = time.monotonic()
        self._save(self.schedule.steps, optimiser, ema)
        self.module.load_state_dict(ema.shadow)
        self.module.eval()
        return self.module

    def _step(self, step: int, optimiser: torch.optim.Optimizer, ema: Ema) -> None:
        for group in optimiser.param_groups:
            group["lr"] = self.schedule.rate_at(step)
        began = time.monotonic()
        losses = self.loss(step)
        total = torch.stack(list(losses.values())).sum()
        optimiser.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        optimiser.step()
        ema.update(self.module, step)
        if step % 20 == 0:
            line = {k: round(v.item(), 5) for k, v in losses.items()}
            line |= {"step": step, "s": round(time.monotonic() - began, 3)}
            with (self.folder / f"{self.name}.log").open("a") as log:
                log.write(json.dumps(line) + "\n")

    def _resume(self, optimiser: torch.optim.Optimizer, ema: Ema) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self.name}.ckpt"
        if not path.exists():
            return 0
        kept = torch.load(path, weights_only=True)
        self.module.load_state_dict(kept["module"])
        optimiser.load_state_dict(kept["optimiser"])
        ema.shadow = kept["ema"]
        return int(kept["step"])

    def _save(self, step: int, optimiser: torch.optim.Optimizer, ema: Ema) -> None:
        path = self.folder / f"{self.name}.ckpt"
        partial = path.with_suffix(".part")
        torch.save(
            {
                "module": self.module.state_dict(),
                "optimiser": optimiser.state_dict(),
                "ema": ema.shadow,
                "step": step,
            },
            partial,
        )
        partial.replace(path)
