"""torch's compiler for UNet and VAE, where somebody asks for it by an environment variable.

It is for GPUs and for renders of hours, which earn back the time it takes for each length of
window. So nothing is compiled, and nothing of the compiler imported, unless `AMBIENTGEN_COMPILE`
names one of torch's backends. What is compiled agrees with what is not within rounding: the profile
names the backend, so that a store keeps them apart.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ambientgen.errors import Problem, UsageError
from ambientgen.models.nets.transformer import Stream
from ambientgen.models.nets.unet import Unet

VARIABLE = "AMBIENTGEN_COMPILE"

MOST_SHAPES = 256
"""torch gives up a function after 8 shapes, with a warning at most; windows have a few lengths,
each with its own size of a pass, and a loop's last one may have any."""


def asked_backend() -> str:
    """The backend that is asked for, for example `inductor`; empty if none is."""
    return os.environ.get(VARIABLE, "").strip()


def compile_sound(unet: nn.Module, vae: nn.Module) -> None:
    """Have UNet and VAE's decoder compiled, if that is asked for, each shape at its first call.

    They raise UsageError at that call if the backend cannot. The vocoder stays as it is: it
    computes with complex numbers, which Inductor leaves to torch's own kernels.

    Raises UsageError for a backend that torch does not have.
    """
    backend = asked_backend()
    if not backend:
        return
    if backend not in torch.compiler.list_backends(exclude_tags=None):
        usual = ", ".join(torch.compiler.list_backends())
        what, remedy = f"torch has no backend `{backend}`", f"choose one of {usual}"
        raise UsageError(Problem(VARIABLE, what, remedy))
    if isinstance(unet, Unet):
        predict = _compiled(unet.predict, backend)

        def predict_anew(sample: Tensor, timestep: Tensor, streams: tuple[Stream, ...]) -> Tensor:
            # What attention keeps of a stream would make a second graph of its first step.
            plain = tuple(Stream(each.states, each.bias) for each in streams)
            prediction: Tensor = predict(sample, timestep, plain)
            return prediction

        unet.predict = predict_anew  # type: ignore[method-assign]
    else:  # a stock class, which is called itself
        unet.forward = _compiled(unet.forward, backend)
    vae.decode = _compiled(vae.decode, backend)  # type: ignore[assignment, arg-type]


def _compiled(function: Callable[..., Any], backend: str) -> Callable[..., Any]:
    """`function`, each shape compiled by itself: what it gives then depends on no other call."""
    compiled = torch.compile(function, backend=backend, dynamic=False)

    def call(*args: Any, **named: Any) -> Any:
        torch._dynamo.config.recompile_limit = MOST_SHAPES  # of this thread: each has its own
        try:
            return compiled(*args, **named)
        except torch._dynamo.exc.TorchDynamoException as error:
            said = " ".join(str(error).strip().partition("\n\n")[0].split())
            remedy = "leave the variable away, or install what it needs"
            raise UsageError(Problem(VARIABLE, f"`{backend}` fails ({said})", remedy)) from error

    return call
