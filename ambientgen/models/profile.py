"""What decides a sample's last bits besides the scene and the model: versions and the machine."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ambientgen.models.compiling import asked_backend

SAMPLES_VERSION = 13
"""Raised with every audible change of our own code (docs/changelog.md): what is stored of earlier
ones is then not used any more."""


@dataclass(frozen=True)
class Profile:
    """The circumstances under which renders agree to the bit.

    `torch` is its version, and the backend that compiles networks if one does; `device` is the
    kind, for a GPU with its name; `cpu` the instructions torch may use; `batch` how many of the
    longest windows share a pass of the UNet; `threads` torch's threads for each worker.
    """

    samples: int
    torch: str
    diffusers: str
    machine: str
    cpu: str
    device: str
    dtype: str
    batch: int
    threads: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def profile_of(device: torch.device, dtype: torch.dtype, batch: int) -> Profile:
    """The profile of a render on this machine with `batch` longest windows in a pass."""
    backend = asked_backend()
    return Profile(
        samples=SAMPLES_VERSION,
        torch=f"{torch.__version__} compiled by {backend}" if backend else str(torch.__version__),
        diffusers=version("diffusers"),  # its schedulers, and networks that we have none of
        machine=platform.machine(),
        cpu=torch.backends.cpu.get_cpu_capability(),
        device=device_name(device),
        dtype=str(dtype).removeprefix("torch."),
        batch=batch,
        threads=1,
    )


def device_name(device: torch.device) -> str:
    """The kind of a device, for a GPU with its name."""
    if device.type == "cuda":
        return f"cuda {torch.cuda.get_device_name(device)}"
    return device.type


@cache
def processor() -> str:
    """The processor's model, as far as the system tells: kernels group their sums by the size of
    its caches, so a store on a shared disk must tell one model from another."""
    with_names = Path("/proc/cpuinfo")
    if with_names.is_file():
        for line in with_names.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
