"""A recipe of training: a YAML file, checked strictly, and what it means. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ambientgen.errors import Problem, SceneError, UsageError
from ambientgen.scene.faults import listed, nearest, shown
from ambientgen.scene.fields import line
from ambientgen.scene.text import MAX_BYTES, checked_text, named
from ambientgen.scene.tree import compose, find

FOLDER = Path(__file__).parent / "recipes"
DEFAULT, ADAPT = "pocket", "adapt"
MOST_STEPS = 100_000_000

Whole = Annotated[int, Field(ge=0, le=MOST_STEPS)]
Text = Annotated[str, Field(pattern=r"\S")]  # not nothing
Share = Annotated[float, Field(ge=0, le=1)]
FieldPath = tuple[int | str, ...]  # the names on the way to a field, as pydantic has them


class _Fields(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class StageFields(_Fields):
    """One stage: `loop.Schedule`. No steps: it keeps the weights it starts from."""

    steps: Whole
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    warmup: Whole = 100
    decay: Share = 0.3
    ema: Share = 0.999
    weight_decay: Share = 0.0


_KEPT = StageFields(steps=0)


class Stages(_Fields):
    """All stages, in the order they are done in. One that is left out keeps the weights that it
    starts from."""

    vae: StageFields = _KEPT
    mae: StageFields = _KEPT
    clap: StageFields = _KEPT
    meaning: StageFields = _KEPT
    vocoder: StageFields = _KEPT
    decoding: StageFields = _KEPT
    unet: StageFields = _KEPT
    few: StageFields = _KEPT
    calls: StageFields = _KEPT


STAGES = tuple(Stages.model_fields)


class Synth(_Fields):
    """Procedural textures: stems of each, clips mixed from them, clips for CLAP, and captions for
    the tokenizers. No stems: recordings alone."""

    stems: Whole = 0
    clips: Whole = 0
    clap_clips: Whole = 0
    captions: Whole = 0


class Recorded(_Fields):
    """Recordings: their share of all examples, and at most so many clips."""

    share: Share = 0.5
    clips: Annotated[int, Field(ge=1, le=MOST_STEPS)] = 4000


class Recipe(_Fields):
    """How much of everything. `start`, written `from`, is a model to start from."""

    start: Text | None = Field(default=None, alias="from")
    data: Text | None = None
    synth: Synth = Synth()
    recordings: Recorded = Recorded()
    stages: Stages
    precision: Literal["auto", "no", "bf16", "fp16"] = "auto"
    licence: Annotated[str, line(200)] | None = None


_HINTS = {
    "from": ("a model's name or folder", "from: pocket"),
    "data": ("a folder of recordings", "data: my_recordings/"),
    "synth": ("a mapping", "synth: {stems: 250, clips: 5000}"),
    "recordings": ("a mapping", "recordings: {share: 0.5}"),
    "stages": ("a mapping of stages", "stages: {vae: {steps: 1400}, ...}"),
    "recordings.clips": (f"a whole number from 1 to {MOST_STEPS:,}", "clips: 4000"),
    "steps": (f"a whole number from 0 to {MOST_STEPS:,}", "steps: 1400"),
    "learning_rate": ("a number above 0 and at most 1", "learning_rate: 0.001"),
    "warmup": (f"a whole number of steps from 0 to {MOST_STEPS:,}", "warmup: 100"),
    "share": ("a number from 0 to 1", "share: 0.5"),
    "decay": ("a number from 0 to 1", "decay: 0.3"),
    "ema": ("a number from 0 to 1", "ema: 0.999"),
    "weight_decay": ("a number from 0 to 1", "weight_decay: 0.01"),
    "precision": ("`auto`, `no`, `bf16` or `fp16`", "precision: auto"),
    "licence": ("an SPDX name in quotes, on one line", "licence: CC0-1.0"),
}
_COUNT = (f"a whole number from 0 to {MOST_STEPS:,}", "clips: 5000")
_STAGE = ("a mapping with `steps`", "vae: {steps: 1400, learning_rate: 0.001}")


def load_recipe(name: str) -> Recipe:
    """The recipe in the file called `name`, or the shipped one of that name.

    Raises:
        UsageError: every problem of the file, at `file:line:column`.
    """
    path = Path(name)
    # Of anything else that is called so, a folder say, nobody can mean that it holds a recipe.
    if not path.is_file() and name in shipped():
        path = FOLDER / f"{name}.yaml"
    return parse_recipe(_read(path), str(path))


def shipped() -> list[str]:
    """The recipes that come along."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def parse_recipe(raw: bytes, source: str) -> Recipe:
    """The recipe in a YAML text. Raises UsageError, as `load_recipe`."""
    if not raw.strip():
        remedy = f"copy one of {listed(shipped())} out of the package to start from"
        raise UsageError(Problem(f"{source}:1:1", "the file is empty", remedy))
    try:
        root, problems = compose(checked_text(raw, source), source)
    except SceneError as error:
        raise UsageError(*error.problems) from None
    plain = root.plain()
    if not isinstance(plain, dict):
        what = f"a recipe is a mapping of fields, not {shown(plain)}"
        raise UsageError(*problems, Problem(str(root.place), what, "write `stages:` and below"))
    try:
        recipe = Recipe.model_validate(plain)
    except ValidationError as error:
        for found in _once(error.errors()):
            place, what, remedy = _said(found)
            at = find(root, place)
            key = found["type"] in ("extra_forbidden", "missing")
            if not at.broken:
                where = at.key_place if key else at.node.place
                problems.append(Problem(str(where), what, remedy))
        recipe = None
    if problems or recipe is None:
        raise UsageError(*problems)
    return recipe


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        remedy = f"name a file, or one of the shipped recipes {listed(shipped())}"
        raise UsageError(Problem(str(path), "there is no such recipe", remedy)) from None
    except (OSError, ValueError) as error:
        said = (getattr(error, "strerror", None) or str(error)).lower()
        raise UsageError(Problem(str(path), f"cannot be read ({said})", "name a file")) from None
    if len(raw) > MAX_BYTES:
        raise UsageError(Problem(str(path), "is over 1 MB", "a recipe is a short text"))
    return raw


def _once(errors: Sequence[Any]) -> Iterator[Any]:
    """The errors in the order given; fields that one mapping lacks are one error, which names them
    as `lacking`."""
    lacking: dict[Any, list[str]] = {}
    for error in errors:
        if error["type"] == "missing":
            lacking.setdefault(error["loc"][:-1], []).append(str(error["loc"][-1]))
    for error in errors:
        if error["type"] != "missing":
            yield error
        elif names := lacking.pop(error["loc"][:-1], []):
            yield {**error, "lacking": names}


def _said(error: Any) -> tuple[FieldPath, str, str]:
    """Path, problem and remedy of a pydantic error, in the author's words."""
    path: FieldPath = error["loc"]
    name = str(path[-1])
    owner: type[BaseModel] = _model_at(path[:-1])
    where = named(path[-2]) if len(path) > 1 else "a recipe"
    if error["type"] == "extra_forbidden":
        known = ["from" if field == "start" else field for field in owner.model_fields]
        near = nearest(name, known)
        remedy = f"did you mean `{near}`?" if near else f"it knows {listed(known, 'and')}"
        return path, f"{where} has no {named(name)}", remedy
    by_name = _HINTS.get(name, _STAGE if owner is Stages else _COUNT)
    kind, example = _HINTS.get(".".join(map(str, path)), by_name)
    if error["type"] == "missing":
        lacks = listed(error["lacking"], "and")
        return path[:-1], f"{where} lacks {lacks}", f"write for example `{example}`"
    what = f"{named(name)} must be {kind}, not {shown(error.get('input'))}"
    return path, what, f"write for example `{example}`"


def _model_at(path: FieldPath) -> type[BaseModel]:
    inner: dict[str, type[BaseModel]] = {
        "synth": Synth,
        "recordings": Recorded,
        "stages": Stages,
    }
    if not path:
        return Recipe
    return inner.get(str(path[0]), Recipe) if len(path) == 1 else StageFields
