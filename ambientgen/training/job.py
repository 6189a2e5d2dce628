"""A whole training: stages, loss curves, and a model folder that appears whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from ambientgen.errors import OutputError, Problem
from ambientgen.interrupts import unbroken, unheeded
from ambientgen.messages import Listener, Message, Notice, StageStarted, StepsDone, ignore
from ambientgen.training.beside import beside
from ambientgen.training.corpus import NAMES
from ambientgen.training.decoding import SPAN
from ambientgen.training.devices import Devices, find_devices
from ambientgen.training.export import export
from ambientgen.training.few import STEPS
from ambientgen.training.keep import sync_files, writing_below, written
from ambientgen.training.lock import alone_in
from ambientgen.training.order import Order, check, make_work, mark, replaceable
from ambientgen.training.progress import draw
from ambientgen.training.recipe import STAGES, Stages
from ambientgen.training.recordings import check_usable
from ambientgen.training.sources import Remark, words_of
from ambientgen.training.stages import Run, Setting
from ambientgen.training.start import Start, read_start

REDRAWN_S = 300.0  # between pictures of a stage that goes on

# What AudioLDM 2's layout cannot say of a model trained here from nothing; windows of 3.2, 5.12
# and 8.96 s are trained.
NEW_EXTRAS: dict[str, Any] = {
    "steps": 4,  # of a UNet that `few` has not trained
    "apart": True,
    "silence": True,
    "guidance": 1.0,
    "text_stream": True,
    "gain_db": 3.0,
    "cores": [24, 48, 96],
    "overlap": 16,
    "chunk": [96, 8, 8],
    "norms": SPAN,
    "multiple": 4,
    "tones": {"music": "chords", "drone": "held"},
}


@dataclass(frozen=True)
class StageReport:
    """A stage that was trained: its steps, and its last loss (NaN: none was noted)."""

    stage: str
    steps: int
    loss: float

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, which know no NaN."""
        return asdict(self) | {"loss": self.loss if math.isfinite(self.loss) else None}


@dataclass(frozen=True)
class TrainReport:
    """What came of a training. `output` is None if only stages were asked for."""

    output: Path | None
    work: Path
    picture: Path | None
    states: tuple[str, ...]
    clips: int
    remarks: tuple[Remark, ...]
    stages: tuple[StageReport, ...]
    elapsed_s: float

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "output": str(self.output) if self.output is not None else None,
            "work": str(self.work),
            "losses": str(self.picture) if self.picture is not None else None,
            "states": list(self.states),
            "clips": self.clips,
            "remarks": [asdict(remark) for remark in self.remarks],
            "stages": [stage.to_json() for stage in self.stages],
            "elapsed_s": round(self.elapsed_s, 2),
        }


def train(order: Order, tell: Listener = ignore) -> TrainReport:
    """Carry out an order: train what is not trained yet, and write the model.

    Stopped at any moment (Ctrl-C), the same order goes on from the last whole step.

    Raises:
        UsageError, ModelError, OutputError: as `order.check`, before anything is written.
        AmbientgenError: the training cannot go on.
    """
    check(order)
    began = time.monotonic()
    start = read_start(order.recipe.start) if order.recipe.start is not None else None
    devices = find_devices(order.device, order.recipe.precision)
    with ExitStack() as around:
        around.enter_context(_begun(order, devices))
        tell(_place(devices))
        watch = _Watch(order.work / "run", tell, devices)
        setting = Setting(order.work, order.data, start, devices, watch, apart=order.apart)
        run = Run(order.recipe, setting)
        around.enter_context(devices.in_charge())
        around.enter_context(watch.drawing())
        for stage in order.stages or STAGES:
            run.train(stage)
        if order.output is not None and not order.stages and devices.rank == 0:
            tell(StageStarted("export"))
            _write(run, order, start, around)
        return _report(order, run, start, watch, time.monotonic() - began)


@contextlib.contextmanager
def _begun(order: Order, devices: Devices) -> Iterator[None]:
    """The work folder is this training's, alone, and marked as such; what cannot be written to it
    is told. One process does it for all.

    Nothing is noted of recordings that are of no use: mended, they would be others.
    """
    if order.data is not None:
        check_usable(order.data, order.work / "recordings", order.apart)
    with ExitStack() as around:
        around.enter_context(writing_below(order.work))
        if devices.rank == 0:
            make_work(order)
            around.enter_context(alone_in(order.work))
            mark(order)
        devices.wait()
        yield


def _place(devices: Devices) -> Message:
    where = devices.describe()
    return StageStarted("starting") if where == "cpu" else Notice(f"training on {where}")


def _report(
    order: Order, run: Run, start: Start | None, watch: _Watch, elapsed_s: float
) -> TrainReport:
    own = run.recordings
    return TrainReport(
        output=order.output if not order.stages else None,
        work=order.work,
        picture=watch.picture,
        states=states_of(run, start),
        clips=len(run.corpus.mels) + (len(own.mels) if own is not None else 0),
        remarks=own.remarks if own is not None else (),
        stages=tuple(watch.reports.values()),
        elapsed_s=elapsed_s,
    )


def states_of(run: Run, start: Start | None) -> tuple[str, ...]:
    """The states that the model knows: of the one it started from, textures, and the user's own.

    A model that knows most textures was taught them all, and says which it learnt: to hear the
    others once more, beside recordings, teaches none of them.
    """
    own = run.recordings.states if run.recordings is not None else ()
    before = [str(name) for name in start.extras.get("states", [])] if start is not None else []
    taught = 2 * len(set(before) & set(NAMES)) > len(NAMES)
    textures = NAMES if run.recipe.synth.stems and not taught else ()
    return tuple(dict.fromkeys((*before, *textures, *own)))


@dataclass
class _Watch:
    """Hears how a training goes on: remembers the last losses, and draws their curves."""

    folder: Path
    tell: Listener
    devices: Devices
    picture: Path | None = None
    reports: dict[str, StageReport] = field(default_factory=dict)
    drawn_s: float = field(default_factory=time.monotonic)

    def __call__(self, message: Message) -> None:
        if isinstance(message, StepsDone):
            self.reports[message.stage] = StageReport(message.stage, message.done, message.loss)
            if message.done == message.total or time.monotonic() - self.drawn_s > REDRAWN_S:
                self.draw()
        if self.devices.rank == 0:
            self.tell(message)

    def draw(self) -> None:
        """The curves so far. That a picture cannot be written stops nothing."""
        self.drawn_s = time.monotonic()
        if self.devices.rank == 0:
            with contextlib.suppress(OSError):
                self.picture = draw(self.folder, STAGES)

    @contextlib.contextmanager
    def drawing(self) -> Iterator[None]:
        """Curves are drawn when it is over, however it ends."""
        try:
            yield
        finally:
            self.draw()


def _write(run: Run, order: Order, start: Start | None, around: ExitStack) -> None:
    """The model folder, under another name until it is whole. From then on signals are unheeded
    until `around` ends: what was asked for is there."""
    assert order.output is not None
    output = order.output.absolute()
    extras = _extras(run, output.name, start)
    try:
        with beside(output) as partial:
            with written(partial / "full", str(order.output)):
                export(run.components, partial, extras)
                (partial / "README.md").write_text(card(extras, run, start), encoding="utf-8")
                sync_files(path for path in partial.rglob("*") if path.is_file())
            around.enter_context(unheeded())
            _put(partial, output, order)
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise OutputError(Problem(str(order.output), f"cannot be written ({said})")) from error


def _put(partial: Path, output: Path, order: Order) -> None:
    """Give the whole folder its name; where something appeared that must stay, one like it.

    Raises:
        OutputError: it got another name, which is told.
    """
    if not os.path.lexists(output) or (order.force and replaceable(output)):
        _replace(partial, output)
        return
    names = (output.with_name(f"{output.name}-{number}") for number in count(2))
    free = next(path for path in names if not os.path.lexists(path))
    partial.rename(free)
    what = "appeared while training, and stays as it is"
    remedy = f"the model is in {order.output.with_name(free.name) if order.output else free}"
    raise OutputError(Problem(str(order.output), what, remedy))


def _replace(partial: Path, output: Path) -> None:
    """Rename the whole folder to its name; one that stands there goes only then."""
    if not os.path.lexists(output):
        partial.rename(output)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".old", dir=output.parent))
    try:
        with unbroken():  # a stop between the two would lose both
            output.rename(old / "model")
            try:
                partial.rename(output)
            except OSError:
                (old / "model").rename(output)
                raise
    finally:
        if os.path.lexists(output):  # else this is all that is left
            shutil.rmtree(old, ignore_errors=True)


def steps_taught(before: Mapping[str, Any], stages: Stages) -> dict[str, Any]:
    """What ambientgen.json says of steps once these stages were trained, from what it said."""
    if stages.few.steps or stages.calls.steps:
        return {"steps": STEPS, "only_steps": True}
    if stages.unet.steps and before.get("only_steps"):
        # A UNet unlearns to arrive in few.
        return {"steps": NEW_EXTRAS["steps"], "only_steps": False}
    return {}


def _extras(run: Run, name: str, start: Start | None) -> dict[str, Any]:
    """ambientgen.json: as of the model it started from, but for name, licence and states."""
    before = dict(start.extras) if start is not None else dict(NEW_EXTRAS)
    # Whose recordings it learnt from decides about a model's licence: only the user knows.
    if run.recipe.licence is not None:
        before["licence"] = run.recipe.licence
    elif run.setting.data is not None:
        before.pop("licence", None)
    before |= steps_taught(before, run.recipe.stages)
    own = run.recordings.states if run.recordings is not None else ()
    # Of what is learnt anew nobody knows how it came out, nor whether it is a pad.
    for said in ("colours", "tones"):
        of_states = before.get(said, {})
        if isinstance(of_states, dict) and of_states.keys() & set(own):
            before[said] = {state: of for state, of in of_states.items() if state not in own}
    was = str(before.get("revision") or (start.spec.name if start is not None else ""))
    before["revision"] = f"{name} (from {was})" if start is not None else name
    before["states"] = list(states_of(run, start))
    return before


def _yaml_text(text: str) -> str:
    """A text as a value of YAML: bare if it is an SPDX name, else in quotes, on one line."""
    return text if re.fullmatch(r"[a-z][a-z0-9.+-]*", text) else json.dumps(text)


def card(extras: dict[str, Any], run: Run, start: Start | None) -> str:
    """The model card: what it learnt from, and how its own states are asked for."""
    licence = extras.get("licence")
    head = ["library_name: diffusers", "pipeline_tag: text-to-audio", "tags: [audioldm2, ambience]"]
    if licence:
        head.insert(0, f"license: {_yaml_text(str(licence).lower())}")
    lines = ["---", *head, "---", "", f"# {extras['revision']}", ""]
    lines += ["Trained with `ambientgen train`; rendered with `ambientgen render --model`.", ""]
    if start is not None:
        lines += [f"It started from the weights of {start.spec.name}.", ""]
    own = run.recordings
    if own is not None:
        lines += [f"It learnt from {len(own.texts)} clips of recordings.", ""]
    new = [name for name in (own.states if own is not None else ()) if name not in NAMES]
    if new:
        lines += ["States of its own, as a scene asks for them:", "", "```yaml", "states:"]
        for name in new:
            levels = json.dumps(list(words_of(name)), ensure_ascii=False).replace("null", "~")
            lines += [f"  {name}:", f"    levels: {levels}", "    curve: 0.5"]
        lines += ["```", ""]
    lines += [f"Licence: {licence or 'not stated'}.", "", f"States: {', '.join(extras['states'])}."]
    recipe = run.recipe.model_dump_json(by_alias=True, exclude_none=True, indent=2)
    return "\n".join([*lines, "", "## Recipe", "", "```json", recipe, "```", ""])
