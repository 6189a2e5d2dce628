"""Weights from safetensors files into a network, strictly: missing or unknown ones are errors.

Networks are built `Unfilled`, and the tensors of the files become their parameters. Buffers that
checkpoints may leave out because they can be computed are computed here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ambientgen.errors import ModelError, Problem
from ambientgen.interrupts import unbroken

# Buffers that follow from their shape: older checkpoints store them, newer ones do not, or the
# other way round. HiFi-GAN's mean and scale are 0 and 1 where a checkpoint does not know them.
COMPUTED: dict[str, Callable[[torch.Size], Tensor]] = {
    "position_ids": lambda shape: torch.arange(shape[-1]).expand(shape),
    "token_type_ids": lambda shape: torch.zeros(shape, dtype=torch.long),
    "mean": torch.zeros,
    "scale": torch.ones,
}
NAMED_AT_MOST = 5  # weights named in one error line


class Unfilled(TorchFunctionMode):
    """Networks built within have shapes alone: no memory, and no random initialisation.

    On the meta device alone, torch would "draw" random numbers by its Python references, whose
    first call imports its compiler, at a second and more.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else (kwargs or {})["tensor"]
        with torch.device("meta"):
            return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class KeyRules:
    """How a slot's stored names map to its network's: what is left aside, and what is renamed."""

    ignored: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    def name(self, stored: str) -> str | None:
        """The network's name of a stored weight, or None for one that is of no use to us."""
        for pattern, replacement in self.renamed:
            stored = re.sub(pattern, replacement, stored)
        return None if any(re.search(pattern, stored) for pattern in self.ignored) else stored


def read_weights(files: list[Path], rules: KeyRules, dtype: torch.dtype) -> dict[str, Tensor]:
    """All wanted tensors of a slot's files, floating ones as `dtype`. Raises ModelError."""
    tensors: dict[str, Tensor] = {}
    for path in files:
        try:
            with safe_open(path, framework="pt") as file:
                for stored in file.keys():  # noqa: SIM118 (safe_open is no dict)
                    name = rules.name(stored)
                    if name is not None:
                        with unbroken():  # where Ctrl-C falls, it becomes an error of another kind
                            tensor = file.get_tensor(stored)
                        tensors[name] = _owned(tensor, dtype)
        except Exception as error:  # safetensors raises its own bare Exception subclass
            raise ModelError(Problem(str(path), f"cannot be read ({error})")) from error
    return tensors


def _owned(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """A copy in memory of our own. Tensors mapped from a file lie where its header's length puts
    them; unaligned ones run other kernels, so the same weights would round differently."""
    return tensor.to(dtype if tensor.is_floating_point() else tensor.dtype, copy=True)


def fill(network: nn.Module, tensors: dict[str, Tensor], place: Path) -> nn.Module:
    """Make `tensors` the weights of `network`, and the network ready for inference.

    Raises ModelError, at `place`, naming every weight that is missing, unknown or misshapen.
    """
    wanted = {name: value.shape for name, value in network.state_dict().items()}
    given = {name: value for name, value in tensors.items() if not _is_computed(name, wanted)}
    learned = {name for name, _ in network.named_parameters(remove_duplicate=False)}
    missing = sorted(
        name
        for name in wanted.keys() - given.keys()
        if name in learned or _leaf(name) not in COMPUTED
    )
    unknown = sorted(given.keys() - wanted.keys())
    misshapen = sorted(
        f"{name} {tuple(given[name].shape)} instead of {tuple(shape)}"
        for name, shape in wanted.items()
        if name in given and given[name].shape != shape
    )
    found = [("lacks", missing), ("has unknown", unknown), ("has misshapen", misshapen)]
    problems = [Problem(str(place), f"{what} {_some(names)}") for what, names in found if names]
    if problems:
        raise ModelError(*problems)
    network.load_state_dict(given, strict=False, assign=True)
    dtypes = {value.dtype for value in given.values() if value.is_floating_point()}
    _compute_buffers(network, min(dtypes, key=str, default=torch.float32), place)
    return network.eval().requires_grad_(False)


def _compute_buffers(network: nn.Module, dtype: torch.dtype, place: Path) -> None:
    for name, buffer in list(network.named_buffers()):
        if not buffer.is_meta:
            continue
        parent, _, leaf = name.rpartition(".")
        if leaf not in COMPUTED:
            raise ModelError(Problem(str(place), f"lacks {name}, which cannot be computed"))
        value = COMPUTED[leaf](buffer.shape)
        value = value.to(dtype) if value.is_floating_point() else value
        setattr(network.get_submodule(parent), leaf, value)


def _is_computed(name: str, wanted: dict[str, torch.Size]) -> bool:
    """Whether a stored weight is one we compute ourselves: of integer ids, always."""
    return _leaf(name) in ("position_ids", "token_type_ids") or (
        _leaf(name) in COMPUTED and name not in wanted
    )


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]


def _some(names: list[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
