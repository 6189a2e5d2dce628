"""What surrounds the training of one stage and is no part of its schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ambientgen.messages import Listener, Notice, ignore
from ambientgen.training.devices import ONE_CPU, Devices

StepLoss = Callable[[int], dict[str, Tensor]]
_MORE_SALT = 11  # of the random numbers that choose between two sources


@dataclass(frozen=True)
class More:
    """A second source of examples: `loss` takes the place of a stage's own in `share` of its steps
    (0 to 1). It is given the network that is being trained."""

    loss: Callable[[nn.Module], StepLoss]
    share: float

    def beside(self, own: StepLoss, module: nn.Module) -> StepLoss:
        """One loss of both; which of them a step has depends on the step alone."""
        other = self.loss(module)

        def either(step: int) -> dict[str, Tensor]:
            chance = np.random.default_rng([_MORE_SALT, step]).random()
            return other(step) if chance < self.share else own(step)

        return either


@dataclass(frozen=True)
class Around:
    """warm: weights to start from where there is no checkpoint. more: another source of examples.
    tell: who hears how it goes on. devices: where it is computed."""

    warm: Mapping[str, Tensor] | None = None
    more: More | None = None
    tell: Listener = ignore
    devices: Devices = ONE_CPU


ALONE = Around()


@torch.no_grad()
def start_from(module: nn.Module, warm: Mapping[str, Tensor]) -> list[str]:
    """Copy `warm` weights into `module`, and say what could not be used, one line each.

    A table with more rows than its `warm` one (a vocabulary that grew) takes over the first ones.
    """
    own = module.state_dict()
    misfits = []
    # One tensor may have two names (tied embeddings), of which files keep one.
    taken = set()
    for name, value in warm.items():
        if name not in own:
            misfits.append(f"{name} has no place here")
            continue
        mine = own[name]
        grown = (
            mine.shape[1:] == value.shape[1:] and len(mine) > len(value) if mine.dim() else False
        )
        if mine.shape != value.shape and not grown:
            misfits.append(f"{name} is {tuple(value.shape)}, not {tuple(mine.shape)}")
            continue
        (mine[: len(value)] if grown else mine).copy_(value)
        taken.add(mine.data_ptr())
    left = sum(value.data_ptr() not in taken for value in own.values())
    if left:
        misfits.append(f"{left} of {len(own)} weights start from nothing")
    return misfits


def tell_misfits(stage: str, misfits: list[str], tell: Listener) -> None:
    """One notice for all that could not be taken over."""
    if misfits:
        more = f" and {len(misfits) - 3} more" if len(misfits) > 3 else ""
        tell(
            Notice(f"{stage}: not all weights could be taken over: {'; '.join(misfits[:3])}{more}")
        )
