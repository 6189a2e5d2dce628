"""The models by name: where each lives, what it may be used for, and how it likes to be rendered.

Torch-free. Nothing here downloads: a model that is not on this machine is a ModelError that says
which command fetches it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ambientgen.errors import ModelError, Problem
from ambientgen.messages import Notice
from ambientgen.models.folder import (
    EXTRAS,
    CheckedFolder,
    check_folder,
    geometry_of,
    read_json,
    unet_multiple,
)
from ambientgen.models.typed_json import Gathered, TypedJson
from ambientgen.scene.faults import nearest
from ambientgen.scene.scene import DEFAULT_INTERPOLATION, DEFAULT_SCHEDULER
from ambientgen.swells import Swell
from ambientgen.units import MODEL_RATE, TONE_FRAMES, ChunkRule, Geometry
from ambientgen.version import package_version
from ambientgen.voicings import VOICINGS
from ambientgen.windows import WindowRule

if TYPE_CHECKING:
    from ambientgen.scene import RenderOptions, Scene
    from ambientgen.scene.scene import InterpolationName, SchedulerName

UNKNOWN_LICENCE = "unknown"
# SPDX names, lower case, of licences under which renders may be sold.
COMMERCIAL_LICENCES = frozenset({"apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0"})


@dataclass(frozen=True)
class RenderSettings:
    """How a model renders a scene: what the scene says of it, else what is usual."""

    steps: int
    guidance: float
    scheduler: SchedulerName
    interpolation: InterpolationName


@dataclass(frozen=True)
class RenderDefaults:
    """How a model is rendered unless the scene says otherwise.

    `guidance` 1 means none. With `text_stream` the UNet's second stream hears one constant
    scene-level text; without, the empty string. With `only_steps` the model was taught to arrive in
    so many steps, and any other number is a mistake. With `apart` each state of a scene is rendered
    by itself: in a mixture the model would lose some.
    """

    steps: int = 20
    guidance: float = 3.5
    text_stream: bool = True
    only_steps: bool = False
    apart: bool = False

    def filled(self, options: RenderOptions) -> RenderSettings:
        """What `options` say, and for what they leave open this model's own."""
        return RenderSettings(
            steps=self.steps if options.steps is None else options.steps,
            guidance=self.guidance if options.guidance is None else options.guidance,
            scheduler=options.scheduler or DEFAULT_SCHEDULER,
            interpolation=options.interpolation or DEFAULT_INTERPOLATION,
        )


@dataclass(frozen=True)
class ModelSpec:
    """A model that is on this machine and whole.

    `source` is `package`, a hub id or a path; `gain_db` is the one fixed gain of its output.
    `colours` are gains in dB of each mel band, by state: what makes up for sounds that it renders
    brighter or duller, louder or softer than it learnt them. `tones` name the voicing
    (`voicings.py`) on whose notes a state's sound stands.
    `states` are the state names it was trained on; empty: no such list, any may be tried. `swells`
    say how sounds of some states move that stand at one level, `unrest` how much of the noise's
    slow part is kept for some (`swells.py`).
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
    swells: Mapping[str, Swell] = field(default_factory=dict)
    unrest: Mapping[str, float] = field(default_factory=dict)
    colours: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    tones: Mapping[str, str] = field(default_factory=dict)

    def colour_of(self, states: Sequence[str]) -> tuple[float, ...] | None:
        """The gains of mel bands of what these states sound like together; None: it stays as it is.
        A state's own count where it is alone: those of a mixture are in one mel."""
        return self.colours.get(states[0]) if len(states) == 1 else None

    def tones_of(self, states: Sequence[str]) -> str | None:
        """The name of the voicing on whose notes their sound stands; None: on none. As a colour, a
        state's own counts where it is alone."""
        return self.tones.get(states[0]) if len(states) == 1 else None


@dataclass(frozen=True)
class ModelListing:
    """One line of `ambientgen models`. `where` is a folder if `here`, else the fetching command.

    `states` are those it was trained on; empty if it lists none, or is not here to tell.
    """

    name: str
    licence: str
    commercial: bool
    here: bool
    where: str
    states: tuple[str, ...] = ()


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
FIELDS = (
    *("revision", "licence", "steps", "only_steps", "guidance", "text_stream", "apart", "silence"),
    *("gain_db", "cores", "overlap", "multiple", "chunk", "norms", "states", "swells", "unrest"),
    *("colours", "tones"),
)
# What numbers of ambientgen.json may be. Beyond 100 dB of gain nothing is left of 16 bits, or all
# is clipped. Guidance overflows long before 100. Swells move a level of 0 to 1, no faster than a
# token of LOA can tell and no slower than what a curve is for. Unrest is a share; 1.75 is the most
# that was ever of use.
MOST_GAIN_DB = MOST_GUIDANCE = 100.0
FASTEST_S, MOST_SWELL = 0.1, (1.0, 3600.0)
MOST_UNREST = 10.0
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
        return replace(spec, revision=spec.revision or package_version())
    if name in PUBLISHED:
        known = PUBLISHED[name]
        spec = _from_hub(name, known.hub_id, known.revision)
        return replace(spec, licence=known.licence, commercial=False)
    folder = _folder_called(name)
    if folder:
        return _spec_of(
            folder.resolve(), folder.resolve().name, str(folder), "copy the model again"
        )
    hub = _HUB_ID.fullmatch(name)
    if hub and not name.startswith((".", "/", "~")):
        return _from_hub(name, hub["id"], hub["revision"])
    known_names = [POCKET, *PUBLISHED]
    near = nearest(name, known_names)
    choice = f"{', '.join(known_names)}, a model folder, or a hub id such as cvssp/audioldm2"
    remedy = f"did you mean {near}? Else choose {choice}" if near else f"choose {choice}"
    raise ModelError(Problem("", f"there is no model {name!r}", remedy))


def model_for(scene: Scene) -> ModelSpec:
    """The model that a scene of states names. Raises ModelError as `resolve` does, at the place
    where the scene says it."""
    try:
        return resolve(scene.model)
    except ModelError as error:
        raise ModelError(
            *(p if p.place else replace(p, place=scene.model_place) for p in error.problems)
        ) from error


def renders_apart(name: str) -> bool:
    """Whether the model called `name` has each state of a scene rendered by itself, unless the
    scene says otherwise. Not where it cannot be had: who is to render with it will be told why."""
    try:
        return resolve(name).defaults.apart
    except ModelError:
        return False


def list_models() -> list[ModelListing]:
    """Every built-in model: its licence, whether it is here, and where it is or how to get it."""
    listings = []
    for name in [POCKET, *PUBLISHED]:
        try:
            spec = resolve(name)
            where = str(spec.folder)
            listing = ModelListing(name, spec.licence, spec.commercial, True, where, spec.states)
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


def _folder_called(name: str) -> Path | None:
    """The folder of that name, or None: also for what no folder can be called, such as a name that
    is too long, that of an unknown user's home, or one with a NUL in it."""
    try:
        path = Path(name).expanduser()
        return path if name and path.is_dir() else None
    except (OSError, RuntimeError, ValueError):
        return None


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
    try:
        commit = reference.read_text().strip() if reference.is_file() else revision
        snapshot = repository / "snapshots" / commit if commit else None
        return snapshot if snapshot and snapshot.is_dir() else None
    except (OSError, ValueError):  # a name too long for a folder, a reference that is no text
        return None


def _spec_of(folder: Path, name: str, source: str, remedy: str) -> ModelSpec:
    layout = check_folder(folder, remedy)
    file = folder / EXTRAS
    extras = TypedJson(file, read_json(file) if file.is_file() else {})
    found = Gathered()
    geometry = found(lambda: geometry_of(folder), Geometry(MODEL_RATE, 160, 64, 4, 8))
    multiple = found(lambda: unet_multiple(folder), 0)
    whole = not found.problems  # else there is nothing to hold the lengths of windows against
    none: dict[str, tuple[float, float]] = {}
    swells = found(lambda: extras.pairs("swells", MOST_SWELL, FASTEST_S), none)
    usual, rule = RenderDefaults(), WindowRule((8,), 0, 8)
    spec = ModelSpec(
        name=name,
        source=source,
        folder=layout.folder,
        revision=found(lambda: extras.text("revision"), ""),
        licence=found(lambda: extras.text("licence"), "") or _card_licence(folder),
        commercial=False,
        geometry=found(lambda: _with_chunk(geometry, extras), geometry) if whole else geometry,
        rule=found(lambda: _rule(extras, geometry, multiple), rule) if whole else rule,
        defaults=RenderDefaults(
            steps=found(lambda: extras.whole("steps", usual.steps), 1),
            guidance=found(
                lambda: extras.number("guidance", usual.guidance, 0, MOST_GUIDANCE), 1.0
            ),
            text_stream=found(lambda: extras.flag("text_stream", usual.text_stream), False),
            only_steps=found(lambda: extras.flag("only_steps", usual.only_steps), False),
            apart=found(lambda: extras.flag("apart", usual.apart), False),
        ),
        gain_db=found(lambda: extras.number("gain_db", 0.0, -MOST_GAIN_DB, MOST_GAIN_DB), 0.0),
        states=found(lambda: extras.texts("states"), ()),
        swells={state: Swell(*pair) for state, pair in swells.items()},
        unrest=found(lambda: extras.numbers("unrest", 0, MOST_UNREST), {}),
        colours=found(lambda: _colours(extras, geometry.mel_bins), {}) if whole else {},
        tones=found(lambda: extras.chosen("tones", VOICINGS), {}),
    )
    if problems := found.problems + extras.unknown(FIELDS):
        raise ModelError(*problems)
    return replace(spec, commercial=spec.licence.lower() in COMMERCIAL_LICENCES)


def layout_of(spec: ModelSpec) -> CheckedFolder:
    """The checked layout of a resolved model. Raises ModelError if it broke since."""
    return check_folder(spec.folder, "resolve the model again")


def _colours(extras: TypedJson, bands: int) -> dict[str, tuple[float, ...]]:
    return extras.rows("colours", bands, -MOST_GAIN_DB, MOST_GAIN_DB)


def _with_chunk(geometry: Geometry, extras: TypedJson) -> Geometry:
    """The geometry with the `chunk` that the folder asks for (core, fade and context) and the
    `norms` in it, in latent frames."""
    stride, usual = geometry.latent_stride, geometry.chunk
    norms = extras.whole("norms", 0, least=0)
    default = tuple(n // stride for n in (usual.core, usual.fade, usual.context))
    lengths = extras.wholes("chunk", default)
    if len(lengths) != 3 or lengths[1] > lengths[0] or lengths[0] * stride % TONE_FRAMES:
        what = f"`chunk` is {list(lengths)}"
        remedy = (
            "write core, fade and context in latent frames: a fade no longer than the core, and a "
            f"core of a multiple of {TONE_FRAMES // stride or 1}"
        )
        raise ModelError(Problem(str(extras.path), what, remedy))
    return replace(geometry, chunk=ChunkRule(*(stride * n for n in (*lengths, norms))))


def _rule(extras: TypedJson, geometry: Geometry, multiple: int) -> WindowRule:
    """Windows as the folder asks for them, or AudioLDM 2's spans in this model's frames.

    AudioLDM 2: cores of 56, 112 or 224 frames of 40 ms and an overlap of 32 (together at most the
    256 frames it was trained on), multiples of 8 because its UNet halves three times.
    """
    needed = max(1, multiple)
    silence = extras.flag("silence", WindowRule.silence)
    multiple = extras.whole("multiple", needed)
    if multiple % needed:
        what = f"`multiple` is {multiple}, and this model's UNet takes multiples of {needed} frames"
        raise ModelError(Problem(str(extras.path), what, f"write {needed}, or leave it out"))
    rate = geometry.frames_per_second / 25

    def whole(frames: float) -> int:
        return max(1, math.ceil(frames * rate / multiple)) * multiple

    cores = extras.wholes("cores", tuple(whole(56) * double for double in (1, 2, 4)))
    overlap = extras.whole("overlap", min(whole(32), cores[0]), least=0)
    try:
        return WindowRule(cores, overlap, multiple, silence)
    except ValueError as error:
        raise ModelError(Problem(str(extras.path), str(error))) from error


def _card_licence(folder: Path) -> str:
    """The licence that the folder's model card states in its front matter."""
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    stated = _CARD_LICENCE.search(text.partition("\n---")[0])
    return stated[1] if stated else UNKNOWN_LICENCE
