"""`ambientgen train`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ambientgen.cli import options
from ambientgen.console import Console, StepMeter
from ambientgen.errors import Problem, UsageError
from ambientgen.messages import StageStarted

if TYPE_CHECKING:
    from ambientgen.training.job import TrainReport
    from ambientgen.training.order import Order
    from ambientgen.training.recipe import Recipe

RANK, OF = "RANK", "WORLD_SIZE"
"""Of several processes that train one model, torchrun and accelerate tell each by these variables
which it is and how many there are; the first speaks for all."""

Devices = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="auto|cpu",
        help="Where to compute; auto takes what accelerate finds.",
    ),
]
RecipeName = Annotated[
    str | None,
    typer.Argument(
        metavar="[RECIPE]",
        help="A recipe file, or one that comes along: pocket, adapt, smoke. Left out: adapt where "
        "there are --data or --from, else pocket.",
    ),
]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FOLDER", help="The model folder to write."),
]
Start = Annotated[
    str | None,
    typer.Option("--from", metavar="M", help="Start from this model's weights."),
]
Data = Annotated[
    str | None,
    typer.Option("--data", metavar="FOLDER", help="Learn from the recordings in this folder."),
]
Work = Annotated[
    str | None,
    typer.Option(
        "--work",
        metavar="FOLDER",
        help="Where data, checkpoints and loss curves are kept; OUTPUT.training if left out.",
    ),
]
Stage = Annotated[
    list[str] | None,
    typer.Option(
        "--stage",
        metavar="NAME",
        help="Train only this stage and what it needs, and write no model; as often as you like: "
        "vae, mae, clap, meaning, vocoder, decoding, unet, few, calls.",
    ),
]
Steps = Annotated[
    list[str] | None,
    typer.Option(
        "--steps",
        metavar="STAGE=N",
        help="Train a stage for so many steps, instead of the recipe's; as often as you like.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing model.")]


def train(
    recipe: RecipeName = None,
    *,
    output: Output = None,
    start: Start = None,
    data: Data = None,
    work: Work = None,
    stage: Stage = None,
    steps: Steps = None,
    device: Devices = "auto",
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    force: Force = False,
) -> None:
    """Train a model: pocket anew, or pocket with recordings of your own.

    What is stopped goes on when the same command is given again. A model folder appears under its
    name when it is whole.
    """
    from ambientgen.training.order import Order, check, stages_of, with_steps

    if device not in ("auto", "cpu"):
        remedy = "choose auto or cpu; CUDA_VISIBLE_DEVICES chooses among GPUs"
        raise UsageError(Problem("--device", f"`{device}` is no choice here", remedy))
    stages = stages_of(stage or [])
    folders = _folders(output, work, bool(stages))
    chosen = with_steps(_recipe(recipe, start, data), steps or [])
    order = Order(chosen, folders[0], folders[1], stages, force, device)
    check(order)
    speaks = os.environ.get(OF, "1") in ("", "1") or os.environ.get(RANK) == "0"
    console = Console(quiet or not speaks)
    report = _train(order, console)
    console.say(_summary(report))
    if as_json and speaks:
        console.out(json.dumps(report.to_json()))


def _folders(output: str | None, work: str | None, stages: bool) -> tuple[Path, Path | None]:
    """The work folder and the model's."""
    if output is None and not stages:
        raise UsageError(Problem("-o", "no name for the model", "write for example `-o my-place`"))
    if output is not None and stages:
        what = "--stage writes no model"
        raise UsageError(Problem(f"-o {output}", what, "leave -o or --stage out"))
    if output is not None and not output.strip("/. "):
        raise UsageError(Problem(f"-o {output}", "is no name for a model", "write `-o my-place`"))
    if work is None and output is None:
        remedy = "name the folder where results are kept with --work"
        raise UsageError(Problem("--stage", "needs a work folder", remedy))
    if work is not None and not work.strip():
        raise UsageError(Problem("--work", "is empty", "name a folder, or leave it out"))
    for option, name in (("-o", output), ("--work", work)):
        if name is not None and "\0" in name:
            raise UsageError(Problem(option, "no folder's name has a NUL in it"))
    model = Path(output) if output is not None else None
    if work is not None:
        return Path(work), model
    assert model is not None
    return model.with_name(f"{model.name}.training"), model


def _recipe(name: str | None, start: str | None, data: str | None) -> Recipe:
    """The recipe, with what the command line says instead."""
    from ambientgen.training.recipe import ADAPT, DEFAULT, load_recipe

    loaded = load_recipe(name or (ADAPT if start is not None or data is not None else DEFAULT))
    changed = {"start": start, "data": data}
    return loaded.model_copy(update={k: v for k, v in changed.items() if v is not None})


def _train(order: Order, console: Console) -> TrainReport:
    name = str(order.output or order.work)
    with console.progress(name, StepMeter()) as listener:
        listener(StageStarted("starting"))
        from ambientgen.training.job import train as carry_out

        return carry_out(order, listener)


def _summary(report: TrainReport) -> str:
    """`my-place: trained in 41m; try ...`"""
    from ambientgen.scene.durations import spell

    took = spell(float(round(report.elapsed_s)))
    curves = f"; loss curves: {report.picture}" if report.picture is not None else ""
    if report.output is None:
        return f"{report.work}: trained in {took}{curves}"
    return f"{report.output}: a model, in {took}{curves}"
