"""What a training is asked to do, and all that can be known to be wrong with it beforehand.

Torch-free, and writes nothing: everything is refused before the first second of work is spent.
"""

from __future__ import annotations

import errno
import importlib.util
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ambientgen.errors import OutputError, Problem, UsageError
from ambientgen.models.fingerprint import Hashes, fingerprint, listed
from ambientgen.models.folder import INDEX
from ambientgen.models.registry import resolve
from ambientgen.shell import shell_word
from ambientgen.training.recipe import STAGES, Recipe
from ambientgen.training.sources import find

MARK = "training.json"  # in the work folder: what its results were made from
HASHES = "hashes.json"  # there, too: of recordings, so that they are read once
MOST_FILES = 100_000


@dataclass(frozen=True)
class Order:
    """Carry out `recipe` in the folder `work`, and write the model to `output`.

    With `stages` only those (and what they need) are trained, and no model is written. `force`
    replaces an existing model. `device` is `auto` or `cpu`.
    """

    recipe: Recipe
    work: Path
    output: Path | None = None
    stages: tuple[str, ...] = ()
    force: bool = False
    device: str = "auto"

    @property
    def data(self) -> Path | None:
        """The folder of recordings."""
        # Not Path.expanduser, which fails where a user has no home: then there is no such folder.
        return Path(os.path.expanduser(self.recipe.data)) if self.recipe.data is not None else None

    @property
    def apart(self) -> tuple[Path, ...]:
        """Folders of its own, which may stand among the recordings."""
        return (self.work,) if self.output is None else (self.work, self.output)


def check(order: Order) -> None:
    """Refuse what cannot work.

    Raises:
        UsageError: the extra `train` is missing, the recipe asks for what cannot be, there is
            nothing to learn from, the work folder belongs to another training, or folders lie in
            one another.
        ModelError: the model to start from is not here.
        OutputError: the output exists, or cannot be written.
    """
    if importlib.util.find_spec("accelerate") is None:
        what = "training needs accelerate, which is not here"
        raise UsageError(Problem("", what, "run `pip install 'ambientgen[train]'`"))
    _check_recipe(order.recipe)
    _check_names(order)
    if order.recipe.start is not None:
        resolve(order.recipe.start)
    if order.data is not None:
        find(order.data, order.apart)
    if order.output is not None:
        _check_output(order.output, order.force)
    _check_places(order)
    _check_work(order)


def _check_recipe(recipe: Recipe) -> None:
    problems = []
    synth = recipe.synth
    for option, name in (("--from", recipe.start), ("--data", recipe.data)):
        if name is not None and not name.strip():
            problems.append(Problem(option, "is empty", "give it a name, or leave it out"))
    if recipe.data is None and not synth.stems:
        remedy = "give a folder of recordings with --data, or `synth: {stems: 250, ...}`"
        problems.append(Problem("recipe", "there is nothing to learn from", remedy))
    # These go on with what `unet` has learnt, and may be left out.
    needed = [name for name in STAGES if name not in ("few", "calls")]
    idle = [name for name in needed if not getattr(recipe.stages, name).steps]
    if idle and recipe.start is None:
        what = f"{', '.join(idle)} would learn nothing, with no steps and no model to start from"
        problems.append(Problem("recipe", what, "give them steps, or a model with --from"))
    if recipe.stages.calls.steps and not synth.stems:
        what = "`calls` has steps, but there are no textures whose calls could be learnt"
        remedy = "write `synth: {stems: 60, ...}`, or leave the stage out"
        problems.append(Problem("recipe", what, remedy))
    if synth.stems:
        wanted = {"clips": synth.clips}
        if recipe.start is None:
            wanted["captions"] = synth.captions
            wanted["clap_clips"] = synth.clap_clips
        zero = [name for name, count in wanted.items() if not count]
        if zero:
            what = f"synth has stems, but no {' and no '.join(zero)}"
            problems.append(Problem("recipe", what, "write for example `clips: 5000`"))
    if problems:
        raise UsageError(*problems)


def _check_names(order: Order) -> None:
    """Refuse names that are too long for the system: of a model, while it is written (`beside`)."""
    for option, place in (("-o", order.output), ("--work", order.work), ("--data", order.data)):
        if place is None:
            continue
        if place.name != os.fsencode(place.name).decode("utf-8", "replace"):
            what = "is a name that is not UTF-8, and cannot be written into the model"
            raise UsageError(Problem(f"{option} {place}", what, "choose another"))
        name = f".{place.name}.12345678.part" if option == "-o" else place.name
        try:
            os.lstat(place.absolute().parent / name)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                problem = Problem(
                    f"{option} {place}", "the name is too long", "choose a shorter one"
                )
                raise UsageError(problem) from None


def _check_output(output: Path, force: bool) -> None:
    place = str(output)
    if os.path.lexists(output):
        if not force:
            remedy = "use --force to replace it, or choose another name with -o"
            raise OutputError(Problem(place, "exists already", remedy))
        if not replaceable(output):
            remedy = "choose another name with -o"
            raise OutputError(Problem(place, "is no model folder, and stays as it is", remedy))
    parent = output.absolute().parent
    if not parent.is_dir():
        remedy = f"make it with `mkdir -p {shell_word(parent)}`"
        raise OutputError(Problem(place, f"there is no folder {parent}", remedy))
    if not os.access(parent, os.W_OK):
        raise OutputError(Problem(place, "writing here is not permitted", "choose another with -o"))


def replaceable(output: Path) -> bool:
    """Whether what stands there is a model folder, or an empty one."""
    return output.is_dir() and ((output / INDEX).is_file() or not any(output.iterdir()))


def _check_places(order: Order) -> None:
    """A model folder is replaced and given away, a work folder deleted: neither is in the other,
    nor are the recordings in the work folder."""
    work, output, data = (
        Path(os.path.realpath(place)) if place is not None else None
        for place in (order.work, order.output, order.data)
    )
    remedy = "name another folder with --work"
    if work is not None and data is not None and data.is_relative_to(work):
        raise UsageError(Problem(f"--work {order.work}", "holds the recordings", remedy))
    if work is None or output is None:
        return
    if work == output:
        raise UsageError(Problem(f"--work {order.work}", "is the model's folder", remedy))
    if work.is_relative_to(output):
        raise UsageError(Problem(f"--work {order.work}", "lies in the model's folder", remedy))
    if output.is_relative_to(work):
        remedy = "choose another name with -o"
        raise UsageError(Problem(f"-o {order.output}", "lies in the work folder", remedy))
    if data is not None and data.is_relative_to(output):
        what = "holds the recordings, which would go when it is replaced"
        raise UsageError(Problem(f"-o {order.output}", what, "choose another name with -o"))


def _check_work(order: Order) -> None:
    path = order.work / MARK
    if order.work.exists() and not order.work.is_dir():
        raise UsageError(Problem(f"--work {order.work}", "is no folder", "name another"))
    if not path.is_file():
        return
    try:
        made_from = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        made_from = None
    known = made_from if isinstance(made_from, dict) else {}
    now = made_of(order)
    changed = [name for name, value in now.items() if known.get(name) != value]
    if changed:
        what = f"holds a training with another {' and another '.join(changed)}"
        remedy = "name another folder with --work, or delete this one"
        raise UsageError(Problem(f"--work {order.work}", what, remedy))


def made_of(order: Order) -> dict[str, Any]:
    """What the data in a work folder follow from. Steps and learning rates may change: a longer
    schedule goes on where the checkpoints are."""
    recipe = order.recipe
    made: dict[str, Any] = {
        "synth": recipe.synth.model_dump(),
        "recordings": recipe.recordings.model_dump(),
    }
    return made | _content(order)


def make_work(order: Order) -> None:
    """Make the work folder. Raises OutputError: it cannot be written."""
    with _told(order):
        order.work.mkdir(parents=True, exist_ok=True)


def mark(order: Order) -> None:
    """Make the work folder, and note in it what it is made from. Raises OutputError, as
    `make_work`."""
    make_work(order)
    with _told(order):
        partial = order.work / f"{MARK}.part"
        partial.write_text(json.dumps(made_of(order), indent=2) + "\n", encoding="utf-8")
        partial.replace(order.work / MARK)


@contextmanager
def _told(order: Order) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        problem = Problem(f"--work {order.work}", f"cannot be written ({said})", "name another")
        raise OutputError(problem) from error


def _content(order: Order) -> dict[str, str]:
    """Hashes of the recordings with their captions, and of the model to start from, by content:
    a corpus may be copied, restored or moved between two runs. "" where there is none."""
    hashes = Hashes(order.work / HASHES, MOST_FILES)
    made = {"data": "", "from": ""}
    if order.data is not None:
        try:
            found = find(order.data, order.apart)
            each = ((source, hashes.of(source.path)) for source in found.sources)
            told = {repr((s.name, s.captions, s.state)): digest for s, digest in each}
        except OSError as error:
            place, said = str(error.filename or order.data), (error.strerror or str(error)).lower()
            problem = Problem(place, f"cannot be read ({said})", "mend it or take it out")
            raise UsageError(problem) from None
        made["data"] = listed(told)
    if order.recipe.start is not None:
        made["from"] = fingerprint(resolve(order.recipe.start).folder)
    if order.work.is_dir():
        hashes.remember()
    return made


def stages_of(names: list[str]) -> tuple[str, ...]:
    """Stage names as given, in the order they are trained in. Raises UsageError."""
    unknown = [name for name in names if name not in STAGES]
    if unknown:
        remedy = f"choose {', '.join(STAGES)}"
        raise UsageError(*(Problem("--stage", f"there is no stage `{n}`", remedy) for n in unknown))
    return tuple(stage for stage in STAGES if stage in names)


def with_steps(recipe: Recipe, assignments: list[str]) -> Recipe:
    """The recipe with other numbers of steps, each as `unet=2000`. Raises UsageError."""
    changed: dict[str, Any] = {}
    for assignment in assignments:
        stage, equals, count = assignment.partition("=")
        if not equals or not count.isascii() or not count.isdigit() or len(count) > 8:
            what = f"`{assignment}` is not a stage and its steps"
            raise UsageError(Problem("--steps", what, "write for example `--steps unet=2000`"))
        if stage not in STAGES:
            what, remedy = f"there is no stage `{stage}`", f"choose {', '.join(STAGES)}"
            raise UsageError(Problem("--steps", what, remedy))
        old = getattr(recipe.stages, stage)
        changed[stage] = old.model_copy(update={"steps": int(count)})
    stages = recipe.stages.model_copy(update=changed)
    return recipe.model_copy(update={"stages": stages})
