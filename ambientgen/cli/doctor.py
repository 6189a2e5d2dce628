"""`ambientgen doctor`."""

from __future__ import annotations

import json
import platform
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

from ambientgen.cli import options
from ambientgen.console import PROGRAM, Console, table
from ambientgen.cores import usable_cores
from ambientgen.errors import AmbientgenError, ExitCode


def doctor(as_json: options.AsJson = False) -> None:
    """Examine this installation.

    Versions, device, cores and folders, and whether pocket loads with every network connection
    refused: exit code 3 if it does not.
    """
    console = Console()
    found = examine()
    if as_json:
        console.out(json.dumps(found, indent=2))
    else:
        console.out(_text(found))
    if found["pocket"]["problems"]:
        raise typer.Exit(ExitCode.MODEL_UNAVAILABLE)


def examine() -> dict[str, Any]:
    """Versions, device, cores, folders, and whether `pocket` loads, as plain JSON values."""
    import ambientgen
    from ambientgen.models.registry import list_models

    return {
        PROGRAM: ambientgen.__version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in required()},
        "device": _device(),
        "cores": usable_cores(),
        "windows": _windows(),
        "downloads": _downloads(),
        "models_here": [listing.name for listing in list_models() if listing.here],
        "pocket": try_model("pocket"),
    }


def required() -> list[str]:
    """The packages that an installation needs, by what it says of itself; none where it says
    nothing, being a bare copy of the code."""
    from importlib import metadata  # which is slow, and every command imports this module

    try:
        wanted = metadata.requires(PROGRAM) or []
    except metadata.PackageNotFoundError:
        wanted = []
    names = (re.match(r"[\w.-]+", each) for each in wanted if "extra ==" not in each)
    return sorted((name[0] for name in names if name), key=str.lower)


def try_model(name: str) -> dict[str, Any]:
    """Load a model with every network connection refused.

    Returns `loads`, `elapsed_s` and `problems`, a list of lines that is empty if all is well.
    """
    began = time.monotonic()
    problems: list[str] = []
    try:
        from ambientgen.models.registry import resolve

        spec = resolve(name)
        from ambientgen.models.loading import load

        with no_network():
            load(spec)
    except AmbientgenError as error:
        problems = [str(problem) for problem in error.problems]
    except Exception as error:  # a broken installation is what this command is to find
        problems = [f"{type(error).__name__}: {error}"]
    elapsed_s = round(time.monotonic() - began, 1)
    return {"loads": not problems, "elapsed_s": elapsed_s, "problems": problems}


@contextmanager
def no_network() -> Iterator[None]:
    """Inside, connecting anywhere raises OSError."""

    def refuse(*_arguments: object) -> NoReturn:
        raise OSError("loading a model must not need the network")

    former = socket.socket.connect
    socket.socket.connect = refuse  # type: ignore[method-assign]
    try:
        yield
    finally:
        socket.socket.connect = former  # type: ignore[method-assign]


def _version(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _device() -> str:
    """The device `auto` takes, or why there is none."""
    try:
        from ambientgen.models.loading import choose_device

        return str(choose_device("auto"))
    except Exception as error:
        return f"none ({type(error).__name__}: {error})"


def _windows() -> str:
    """The folder of finished windows, or why there is none."""
    from ambientgen.store import open_store

    try:
        return str(open_store().folder)
    except AmbientgenError as error:
        return f"none ({'; '.join(map(str, error.problems))})"


def _downloads() -> str | None:
    """The folder of downloaded models; None if the hub's package is missing."""
    try:
        from huggingface_hub import constants
    except ImportError:
        return None
    return str(constants.HF_HUB_CACHE)


def _text(found: dict[str, Any]) -> str:
    pocket = found["pocket"]
    loads = f"loads without a network, in {pocket['elapsed_s']} s"
    rows = [
        (PROGRAM, found[PROGRAM]),
        ("python", f"{found['python']} ({found['executable']})"),
        ("platform", found["platform"]),
        *((name, version or "missing") for name, version in found["packages"].items()),
        ("device", found["device"]),
        ("cores", str(found["cores"])),
        ("finished windows", found["windows"]),
        ("downloaded models", found["downloads"] or "unknown"),
        ("models here", ", ".join(found["models_here"]) or "none"),
        ("pocket", "; ".join(pocket["problems"]) or loads),
    ]
    return table(rows, indent="")
