"""The models by name: where each lives, what it may be used for, and how it likes to be rendered.

Torch-free. Nothing here downloads: a model that is not on this machine is a ModelError that says
which command fetches it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from ambientgen.errors import ModelError, Problem
from ambientgen.events import Notice
from ambientgen.models.folder import (
    Layout,
    check_folder,
    geometry_of,
    read_json,
    unet_multiple,
)
from ambientgen.units import Geometry
from ambientgen.windows import WindowRule

EXTRAS = "ambientgen.json"  # beside model_index.json: what AudioLDM 2's own layout cannot say
UNKNOWN_LICENCE = "unknown"
# SPDX names, lower case, of licences under which renders may be sold.
COMMERCIAL_LICENCES = frozenset({"apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0"})


@dataclass(frozen=True)
class RenderDefaults:
    """How a model is rendered unless the scene says otherwise.

    `guidance` 1 means none. With `text_stream` the UNet's second stream hears one constant
    scene-level text; without, the empty string.
    """

    steps: int = 20
    guidance: float = 3.5
    text_stream: bool = True


@dataclass(frozen=True)
class ModelSpec:
    """A model that is on this machine and whole.

    `source` is `package`, a hub id or a path; `gain_db` is the one fixed gain of its output.
    `states` are the state names it was trained on; empty: no such list, any may be tried.
    """

    name: str
    source: str
    folder: Path
    revision: str
    licence: str
    commercial: bool
    geometry: Geometry
    rule: WindowRule
    defaults: RenderDefaults = RenderDefaults()
    gain_db: float = 0.0
    states: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelListing:
    """One line of `ambientgen models`. `where` is a folder if `here`, else the fetching command."""

    name: str
    licence: str
    commercial: bool
    here: bool
    where: str


@dataclass(frozen=True)
class _Published:
    """A checkpoint of the AudioLDM 2 authors on the Hugging Face hub, at one commit."""

    hub_id: str
    revision: str
    licence: str = "CC-BY-NC-SA-4.0"


# The newest commits of the three repositories (their commit pages; all of 16 April 2024, which
# changed only the model card after the weights of 21 August 2023).
PUBLISHED = {
    "audioldm2": _Published("cvssp/audioldm2", "c8e7e189d324425c05c4c2f81214041ef4107983"),
    "audioldm2-large": _Published(
        "cvssp/audioldm2-large", "4b0b875a9e0c5305dfc917da808584e50e1c7ed4"
    ),
    "audioldm2-music": _Published(
        "cvssp/audioldm2-music", "0019cb0bd4d314accff72aee1c3abd6f22929ba5"
    ),
}
POCKET = "pocket"
_HUB_ID = re.compile(r"(?P<id>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_CARD_LICENCE = re.compile(r"\A---\s.*?^license:\s*['\"]?([\w.+-]+)", re.MULTILINE | re.DOTALL)


def resolve(name: str) -> ModelSpec:
    """The model called `name`: a built-in name, a folder, or a hub id `owner/name[@revision]`.

    Raises ModelError if it is not on this machine (naming the command that fetches it), is
    incomplete, truncated, or of another architecture.
    """
    if name == POCKET:
        spec = _spec_of(pocket_folder(), POCKET, "package", "reinstall ambientgen")
        return replace(spec, revision=spec.revision or _package_version())
    if name in PUBLISHED:
        known = PUBLISHED[name]
        spec = _from_hub(name, known.hub_id, known.revision)
        return replace(spec, licence=known.licence, commercial=False)
    path = Path(name).expanduser()
    if name and path.is_dir():
        return _spec_of(path.resolve(), path.resolve().name, str(path), "copy the model again")
    hub = _HUB_ID.fullmatch(name)
    if hub and not name.startswith((".", "/", "~")):
        return _from_hub(name, hub["id"], hub["revision"])
    known_names = ", ".join([POCKET, *PUBLISHED])
    remedy = f"choose {known_names}, a model folder, or a hub id such as cvssp/audioldm2"
    raise ModelError(Problem("", f"there is no model {name!r}", remedy))


def list_models() -> list[ModelListing]:
    """Every built-in model: its licence, whether it is here, and where it is or how to get it."""
    listings = []
    for name in [POCKET, *PUBLISHED]:
        try:
            spec = resolve(name)
            listing = ModelListing(name, spec.licence, spec.commercial, True, str(spec.folder))
        except ModelError:
            licence = PUBLISHED[name].licence if name in PUBLISHED else "Apache-2.0"
            command = fetch_command(name) if name in PUBLISHED else "reinstall ambientgen"
            listing = ModelListing(name, licence, name == POCKET, False, command)
        listings.append(listing)
    return listings


def licence_notice(spec: ModelSpec) -> Notice | None:
    """The warning a render with this model must show, or None if its renders may be used freely."""
    if spec.commercial:
        return None
    if spec.licence == UNKNOWN_LICENCE:
        text = f"{spec.name}: its licence is not stated; find out before you publish its sounds"
    else:
        text = f"{spec.name} is {spec.licence}: its sounds may not be used commercially"
    return Notice(text)


def fetch_command(name: str, revision: str | None = None) -> str:
    """The shell command that fetches a published model or a hub id (safetensors and JSON only)."""
    if name in PUBLISHED:
        name, revision = PUBLISHED[name].hub_id, PUBLISHED[name].revision
    pinned = f" --revision {revision}" if revision else ""
    return f'hf download {name}{pinned} --exclude "*.bin"'


def pocket_folder() -> Path:
    """Where the embedded model lies inside the installed package."""
    return Path(__file__).parent / POCKET


def _from_hub(name: str, hub_id: str, revision: str | None) -> ModelSpec:
    command = fetch_command(hub_id, revision)
    snapshot = _cached_snapshot(hub_id, revision)
    if snapshot is None:
        at = f" at revision {revision}" if revision else ""
        raise ModelError(
            Problem("", f"{hub_id}{at} is not on this machine", f"fetch it: {command}")
        )
    spec = _spec_of(snapshot, name, hub_id, f"fetch it again: {command}")
    return replace(spec, revision=snapshot.name)


def _cached_snapshot(hub_id: str, revision: str | None) -> Path | None:
    """The folder of a downloaded revision in the Hugging Face cache, or None.

    The cache's layout is documented (huggingface_hub, "Understand caching"): a folder for each
    repository with `refs/<name>` holding a commit, and `snapshots/<commit>`.
    """
    from huggingface_hub import constants  # 10 ms, and only needed for hub models

    repository = Path(constants.HF_HUB_CACHE) / f"models--{hub_id.replace('/', '--')}"
    reference = repository / "refs" / (revision or "main")
    commit = reference.read_text().strip() if reference.is_file() else revision
    snapshot = repository / "snapshots" / commit if commit else None
    return snapshot if snapshot and snapshot.is_dir() else None


def _spec_of(folder: Path, name: str, source: str, remedy: str) -> ModelSpec:
    layout = check_folder(folder, remedy)
    extras = _Extras(folder)
    geometry = geometry_of(folder)
    licence = extras.text("licence") or _card_licence(folder)
    return ModelSpec(
        name=name,
        source=source,
        folder=layout.folder,
        revision=extras.text("revision"),
        licence=licence,
        commercial=licence.lower() in COMMERCIAL_LICENCES,
        geometry=geometry,
        rule=_rule(extras, geometry, unet_multiple(folder)),
        defaults=RenderDefaults(
            steps=int(extras.number("steps", RenderDefaults.steps, least=1)),
            guidance=extras.number("guidance", RenderDefaults.guidance, least=0),
            text_stream=extras.flag("text_stream", RenderDefaults.text_stream),
        ),
        gain_db=extras.number("gain_db", 0.0),
        states=extras.texts("states"),
    )


def layout_of(spec: ModelSpec) -> Layout:
    """The checked layout of a resolved model. Raises ModelError if it broke since."""
    return check_folder(spec.folder, "resolve the model again")


def _rule(extras: _Extras, geometry: Geometry, multiple: int) -> WindowRule:
    """Windows as the folder asks for them, or AudioLDM 2's spans in this model's frames.

    AudioLDM 2: cores of 56, 112 or 224 frames of 40 ms and an overlap of 32 (together at most the
    256 frames it was trained on), multiples of 8 because its UNet halves three times.
    """
    multiple = int(extras.number("multiple", multiple, least=1))
    rate = geometry.frames_per_second / 25

    def whole(frames: float) -> int:
        return max(1, math.ceil(frames * rate / multiple)) * multiple

    cores = extras.numbers("cores") or tuple(whole(56) * double for double in (1, 2, 4))
    overlap = int(extras.number("overlap", min(whole(32), cores[0]), least=0))
    try:
        return WindowRule(cores, overlap, multiple)
    except ValueError as error:
        raise ModelError(Problem(str(extras.path), str(error))) from error


def _card_licence(folder: Path) -> str:
    """The licence that the folder's model card states in its front matter."""
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    stated = _CARD_LICENCE.search(text.partition("\n---")[0])
    return stated[1] if stated else UNKNOWN_LICENCE


def _package_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ambientgen")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unreleased"


class _Extras:
    """`ambientgen.json`, if the folder has one: typed look-ups that blame the file where wrong."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / EXTRAS
        self._values = read_json(self.path) if self.path.is_file() else {}

    def text(self, key: str) -> str:
        value = self._values.get(key, "")
        if not isinstance(value, str):
            self._refuse(key, "a text")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            self._refuse(key, "true or false")
        return value

    def number(self, key: str, default: float, least: float = -math.inf) -> float:
        value = self._values.get(key, default)
        if not _is_number(value) or value < least:
            self._refuse(key, "a number" if least == -math.inf else f"a number of at least {least}")
        return float(value)

    def numbers(self, key: str) -> tuple[int, ...]:
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(_is_number(each) and each >= 1 for each in value):
            self._refuse(key, "a list of whole numbers")
        return tuple(int(each) for each in value)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self._refuse(key, "a list of texts")
        return tuple(value)

    def _refuse(self, key: str, wanted: str) -> NoReturn:
        what = f"`{key}` is {self._values[key]!r}"
        raise ModelError(Problem(str(self.path), what, f"write {wanted}"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
