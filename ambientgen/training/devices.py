"""Where networks are trained: one process on the CPU, or whatever accelerate finds.

Trainers write plain CPU code: arrays from numpy, random numbers, windows of an STFT. On a GPU the
same code runs in a context that puts whatever it makes onto the device. With several processes each
takes its own examples and gradients are averaged, so that nothing needs to be wrapped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from accelerate import Accelerator


class Devices:
    """One process on the CPU, or those of an accelerate `Accelerator`."""

    def __init__(self, accelerator: Accelerator | None = None) -> None:
        self._accelerator = accelerator

    @property
    def device(self) -> torch.device:
        """The device of this process."""
        if self._accelerator is None or self._accelerator.device.type == "cpu":
            return torch.device("cpu")  # also of several processes: files know no `cpu:0`
        return self._accelerator.device

    @property
    def count(self) -> int:
        """How many processes train together."""
        return self._accelerator.num_processes if self._accelerator else 1

    @property
    def rank(self) -> int:
        """Which of them this one is, from 0; 0 writes what is written."""
        return self._accelerator.process_index if self._accelerator else 0

    @property
    def scaled(self) -> bool:
        """Gradients are scaled, and overflow now and then: half precision."""
        return bool(self._accelerator and self._accelerator.mixed_precision == "fp16")

    def describe(self) -> str:
        """`cpu`, or `2 × cuda, bf16`."""
        name = self.device.type if self.count == 1 else f"{self.count} × {self.device.type}"
        mixed = self._accelerator.mixed_precision if self._accelerator else "no"
        return name if mixed == "no" else f"{name}, {mixed}"

    def in_charge(self) -> AbstractContextManager[None]:
        """All that is made inside lies on the device; on the CPU nothing is changed."""
        return nullcontext() if self.device.type == "cpu" else placing(self.device)

    def _average(self, parameters: Sequence[nn.Parameter]) -> None:
        """Gradients become their means over all processes, which takes one exchange of all; what
        no process used keeps none, so that an optimiser leaves it alone."""
        assert self._accelerator is not None
        used = torch.tensor([float(p.grad is not None) for p in parameters], device=self.device)
        # All processes must take part, also for what they did not use themselves.
        own = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([used, *(gradient.flatten() for gradient in own)])
        flat = torch.as_tensor(self._accelerator.reduce(flat, reduction="mean"))
        anywhere, *means = flat.split([len(used), *(gradient.numel() for gradient in own)])
        some = anywhere.tolist()
        for parameter, gradient, mean, share in zip(parameters, own, means, some, strict=True):
            # Laid out as its weight.
            parameter.grad = gradient.copy_(mean.view_as(parameter)) if share else None

    def everywhere(self, holds: bool) -> bool:
        """Whether something holds in all processes, all of which must ask."""
        if self._accelerator is None or self.count == 1:
            return holds
        mean = self._accelerator.reduce(
            torch.tensor(float(holds), device=self.device), reduction="mean"
        )
        return float(torch.as_tensor(mean)) == 1.0

    def prepared(self, optimiser: torch.optim.Optimizer) -> Any:
        """The optimiser, with the scaling of gradients that the precision needs."""
        if self._accelerator is None:
            return optimiser
        return self._accelerator.prepare_optimizer(optimiser)

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision, where it was asked for."""
        return self._accelerator.autocast() if self._accelerator else nullcontext()

    def backward(self, total: Tensor) -> None:
        """Gradients of one step's loss."""
        if self._accelerator is None:
            total.backward()
        else:
            self._accelerator.backward(total)

    def clip(self, parameters: Iterable[nn.Parameter], most: float) -> Tensor:
        """Average gradients over all processes and clip their norm, which is returned."""
        parameters = list(parameters)
        if self._accelerator is None:
            return nn.utils.clip_grad_norm_(parameters, most)
        if self.count > 1:
            self._average([each for each in parameters if each.requires_grad])
        return torch.as_tensor(self._accelerator.clip_grad_norm_(parameters, most))

    @contextmanager
    def first(self) -> Iterator[None]:
        """What is made and kept on disk is made by one process; the others then read it."""
        if self._accelerator is None or self.count == 1:
            yield
        else:
            with self._accelerator.main_process_first():
                yield

    def wait(self) -> None:
        """Until all processes are here."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()


ONE_CPU = Devices()


def find_devices(name: str = "auto", precision: str = "auto") -> Devices:
    """The devices accelerate finds here, and in its launcher's environment.

    name: `auto` or `cpu`. precision: as in a recipe; `auto` is bfloat16 on a CUDA GPU that knows
    it, single elsewhere.
    """
    from accelerate import Accelerator

    if precision == "auto":
        cuda = name != "cpu" and torch.cuda.is_available()
        precision = "bf16" if cuda and torch.cuda.is_bf16_supported() else "no"
    # Of several processes accelerate knows nothing where there is no GPU, unless it is told.
    cpu = name == "cpu" or not torch.accelerator.is_available()
    return Devices(Accelerator(cpu=cpu, mixed_precision=precision))


@contextmanager
def placing(device: torch.device) -> Iterator[None]:
    """Whatever torch makes inside lies on `device`, arrays from numpy and files too."""
    from_numpy, load = torch.from_numpy, torch.load

    def placed(ndarray: Any) -> Tensor:
        return from_numpy(ndarray).to(device)

    def loaded(*args: Any, **kwargs: Any) -> Any:
        return load(*args, **{"map_location": device, **kwargs})

    # torch's device context covers all that makes tensors but these two, which no mode sees.
    torch.from_numpy, torch.load = placed, loaded
    try:
        with device, _ToNumpy():
            yield
    finally:
        torch.from_numpy, torch.load = from_numpy, load


class _ToNumpy(TorchFunctionMode):
    """Arrays for numpy are copied off the device."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is Tensor.numpy:
            return args[0].detach().cpu().numpy()
        return func(*args, **(kwargs or {}))
