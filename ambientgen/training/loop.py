"""The loop every component is trained by: steps, EMA, learning rate, checkpoints, log."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from ambientgen.audio_file.part import sync_folder
from ambientgen.errors import AmbientgenError, Problem, UsageError
from ambientgen.interrupts import unbroken
from ambientgen.messages import StepsDone
from ambientgen.training.around import ALONE, Around, StepLoss, start_from, tell_misfits
from ambientgen.training.keep import sync_files, written

LOG_EVERY = 20  # steps; a short training is logged more often
LOG_LINES = 50  # at least so many, if it has as many steps
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a component learns.

    The learning rate warms up over `warmup` steps, holds, and falls to zero in a cosine over the
    last `decay` share of the steps. `around` is where it happens, and from what it starts.
    """

    steps: int
    learning_rate: float
    warmup: int = 100
    decay: float = 0.3
    ema: float = 0.999
    weight_decay: float = 0.0
    around: Around = field(default=ALONE, repr=False, compare=False, kw_only=True)

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
    alone for its chance (seed from it), so that a resumed run goes on as it would have.

    `warm` are initial weights, used where there is no checkpoint, and kept where there are no
    steps; left out, those of the schedule's surroundings. Weights of another shape are skipped,
    with a notice.

    `momentum` is the first beta of Adam. `pace` has, for parts of the module (the first word of
    their parameters' names), a factor on the learning rate at each step of the optimiser.
    """

    module: Network
    loss: StepLoss
    schedule: Schedule
    folder: Path
    name: str
    checkpoint_every_s: float = 180.0
    warm: Mapping[str, Tensor] | None = field(default=None, kw_only=True)
    momentum: float = field(default=0.9, kw_only=True)
    pace: Mapping[str, Callable[[int], float]] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        around = self.schedule.around
        self._devices, self._tell = around.devices, around.tell
        if around.more is not None:
            self.loss = around.more.beside(self.loss, self.module)
        self._last_loss = math.nan
        self._done = 0  # steps

    def run(self) -> Network:
        """Train to the end, from the checkpoint if there is one; the module gets EMA weights.

        Stopped by a signal, it leaves a checkpoint of the last whole step.

        Raises:
            AmbientgenError: the loss or the gradients are no numbers any more.
            UsageError: the checkpoint is broken, or of another network.
            OutputError: the disk takes no checkpoint.
        """
        self.module.to(self._devices.device)
        if self._start() and not self.schedule.steps:
            self.module.eval()
            return self.module
        optimiser = self._devices.prepared(
            torch.optim.AdamW(
                self._groups(),
                lr=self.schedule.learning_rate,
                betas=(self.momentum, 0.98),
                weight_decay=self.schedule.weight_decay,
            )
        )
        ema = Ema(self.module, self.schedule.ema)
        self._done = self._resume(optimiser, ema)
        saved = time.monotonic()
        try:
            while self._done < self.schedule.steps:
                self._step(self._done, optimiser, ema)
                if time.monotonic() - saved > self.checkpoint_every_s:
                    self._save(optimiser, ema)
                    saved = time.monotonic()
        except BaseException as stop:
            if not isinstance(stop, Exception):
                self._save(optimiser, ema)
            raise
        self._save(optimiser, ema)
        self._devices.wait()
        self.module.load_state_dict(ema.shadow)
        self.module.eval()
        return self.module

    def _groups(self) -> list[dict[str, Any]]:
        """The weights by the parts that have a pace of their own: an optimiser's groups."""
        groups: dict[str, list[nn.Parameter]] = {}
        for name, parameter in self.module.named_parameters():
            part = name.partition(".")[0]
            groups.setdefault(part if part in self.pace else "", []).append(parameter)
        return [{"params": weights, "part": part} for part, weights in groups.items()]

    def _step(self, step: int, optimiser: Any, ema: Ema) -> None:
        for group in optimiser.param_groups:
            pace = self.pace.get(group.get("part", ""))  # older checkpoints have no parts
            group["lr"] = (pace(step) if pace else 1.0) * self.schedule.rate_at(step)
        began = time.monotonic()
        with self._devices.autocast():
            losses = self.loss(step * self._devices.count + self._devices.rank)
        total = torch.stack(list(losses.values())).sum()
        optimiser.zero_grad()
        self._devices.backward(total)
        norm = self._devices.clip(self.module.parameters(), 1.0)
        self._check(step, total, norm)
        with unbroken():
            optimiser.step()
            ema.update(self.module, step)
            self._done = step + 1  # with the weights: a stop after them must not take it again
        if step % max(1, min(LOG_EVERY, self.schedule.steps // LOG_LINES)) == 0:
            self._log(step, losses, time.monotonic() - began)
        self._tell(StepsDone(self.name, step + 1, self.schedule.steps, self._last_loss))

    def _check(self, step: int, total: Tensor, norm: Tensor) -> None:
        """Raise AmbientgenError for gradients, by their norm, or a loss that are no numbers, in all
        processes alike: one that ended by itself would leave the others waiting for it. Gradients
        that are scaled overflow now and then, and such a step is left out."""
        if torch.isfinite(norm):  # that of all processes: no loss of any has been less
            return
        if not self._devices.scaled:
            what = "its gradients are no numbers any more"
        elif not self._devices.everywhere(bool(torch.isfinite(total))):
            what = "its loss is no number any more"
        else:
            return
        remedy = "lower its learning_rate, and delete its .ckpt in the work folder"
        raise AmbientgenError(Problem(self.name, f"{what} at step {step}", remedy))

    def _log(self, step: int, losses: Mapping[str, Tensor], took_s: float) -> None:
        line: dict[str, float] = {k: round(v.item(), 5) for k, v in losses.items()}
        self._last_loss = math.fsum(line.values())
        line |= {"step": step, "s": round(took_s, 3)}
        if self._devices.rank == 0:
            with (self.folder / f"{self.name}.log").open("a") as log:
                log.write(json.dumps(line) + "\n")

    def _start(self) -> bool:
        """Give the module its initial weights, if there are any and they are wanted."""
        warm = self.warm if self.warm is not None else self.schedule.around.warm
        wanted = warm is not None and not (self.schedule.steps and self._path.exists())
        if warm is not None and wanted:
            tell_misfits(self.name, start_from(self.module, warm), self._tell)
        return wanted

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.name}.ckpt"

    def _resume(self, optimiser: Any, ema: Ema) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._path.exists():
            return 0
        try:
            kept = torch.load(self._path, weights_only=True, map_location=self._devices.device)
            self.module.load_state_dict(kept["module"])
            optimiser.load_state_dict(kept["optimiser"])
            ema.shadow = kept["ema"]
            self._last_loss = float(kept.get("loss", math.nan))  # older ones have none
            return int(kept["step"])
        except (RuntimeError, ValueError, KeyError, EOFError, UnpicklingError) as error:
            what = "is broken, or of another network"
            problem = Problem(str(self._path), what, "delete it to train this stage anew")
            raise UsageError(problem) from error

    def _save(self, optimiser: Any, ema: Ema) -> None:
        if self._devices.rank != 0:
            return
        partial = self._path.with_suffix(".part")
        state = {
            "module": self.module.state_dict(),
            "optimiser": optimiser.state_dict(),
            "ema": ema.shadow,
            "step": self._done,
            "loss": self._last_loss,
        }
        with written(partial, str(self._path)):
            torch.save(state, partial)
            sync_files([partial])
            partial.replace(self._path)
            sync_folder(self.folder)
