"""The file beside a sound that says what it is and how to make it again, bit for bit.

`rain.wav` has `rain.json`. It holds the scene with everything resolved, the model by its content,
the profile that decides the last bits, where windows and chunks join, and the hash of the samples:
nothing of when, where or by whom, so the same render gives the same sidecar.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ambientgen.audio_file import STDOUT, Companion
from ambientgen.errors import OutputError, Problem, SceneError
from ambientgen.plan import Between, Plan
from ambientgen.scene import parse_scene
from ambientgen.scene.document import document_text, scene_document
from ambientgen.stretch import FADE
from ambientgen.windows import turns

if TYPE_CHECKING:
    from ambientgen.models.registry import ModelSpec
    from ambientgen.scene import Scene

FORMAT = "ambientgen sidecar 1"
SUFFIX = ".json"
_MOST_BYTES = 64_000_000  # a week's joins take 3 MB
_LONGEST_NAME_BYTES = 255
_LONGEST_S = 1e9  # thirty years: a time past it is none
_NAMING = frozenset(("sha256", "ambientgen"))
_DECIMALS = 6  # of joins, in seconds: a sample is 62 µs

Document = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What was asked for besides the scene: a length instead of its own, and a stretch of it."""

    duration_s: float | None = None
    between_s: Between = (None, None)

    def to_json(self) -> Document:
        """As plain JSON values."""
        from_s, to_s = self.between_s
        return {"duration_s": self.duration_s, "from_s": from_s, "to_s": to_s}


@dataclass(frozen=True)
class Sidecar:
    """A sidecar that was read: `path` as given, and its document."""

    path: str
    document: Document

    @property
    def sha256(self) -> str:
        """Hex digest of the 16-bit samples."""
        return str(self.document["sha256"])

    @property
    def asked(self) -> Asked:
        """What was asked for besides the scene."""
        told = self.document["asked"]
        return Asked(told["duration_s"], (told["from_s"], told["to_s"]))

    def scene(self, overrides: Sequence[str] = ()) -> Scene:
        """The scene that was rendered, changed as the overrides say.

        Raises SceneError where it, or an override, is wrong.
        """
        return parse_scene(document_text(self.document["scene"]), self.path, overrides)


def sidecar_path(output: str | os.PathLike[str]) -> Path:
    """The sidecar's path: the sound's with another suffix; of a link, beside what it leads to."""
    real = os.path.realpath(output) if os.path.islink(output) else output
    return Path(real).with_suffix(SUFFIX)


def read_sidecar(path: str | os.PathLike[str]) -> Sidecar | None:
    """The sidecar in a file, or None if the file is none (a scene, or anything else).

    Raises:
        SceneError: a sidecar of another version, or one with fields missing.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        raw = file.read(_MOST_BYTES)
    if not raw.lstrip().startswith(b"{"):
        return None
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or "format" not in document:
        return None
    name = os.fspath(path)
    kind = str(document["format"])
    if not kind.startswith(FORMAT.rpartition(" ")[0]):
        return None
    if kind != FORMAT:
        remedy = "update ambientgen"
        raise SceneError(Problem(name, f"this is a sidecar of another version ({kind})", remedy))
    asked = document.get("asked")
    whole = isinstance(document.get("scene"), dict) and isinstance(document.get("sha256"), str)
    if not (whole and isinstance(asked, dict) and _is_asked(asked)):
        remedy = "render the scene again to have it written anew"
        raise SceneError(Problem(name, "this sidecar is not whole", remedy))
    return Sidecar(name, document)


def is_time(value: object) -> bool:
    """Whether a JSON value can be a time in a sound, in seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < _LONGEST_S


def _is_asked(told: Document) -> bool:
    known = Asked().to_json().keys() <= told.keys()
    return known and all(told[name] is None or is_time(told[name]) for name in Asked().to_json())


def describe(
    plan: Plan, spec: ModelSpec, content: str, profile: Mapping[str, Any], wanted: Asked
) -> Document:
    """Everything about a render with an end but the hash of its samples, as plain JSON values.

    content: the model's fingerprint. profile: what decides the last bits.
    """
    geometry, overlap = plan.geometry, plan.rule.overlap
    asked, default = plan.scene.render, spec.defaults
    return {
        "format": FORMAT,
        "ambientgen": _version(),
        "title": plan.scene.title,
        "scene": scene_document(plan.scene),
        "asked": wanted.to_json(),
        "seed": plan.scene.seed,
        "duration_s": plan.duration_s,
        "from_s": plan.start_s,
        "to_s": plan.start_s + plan.duration_s,
        "samples": plan.duration_samples,
        "sample_rate": geometry.sample_rate,
        "channels": 1,
        "loop": plan.loop is not None and plan.duration_samples % plan.loop.samples == 0,
        "model": {
            "name": spec.name,
            "revision": spec.revision,
            "licence": spec.licence,
            "fingerprint": content,
        },
        "geometry": {
            "mel_hop": geometry.mel_hop,
            "mel_bins": geometry.mel_bins,
            "latent_stride": geometry.latent_stride,
            "latent_channels": geometry.latent_channels,
            "window_cores": list(plan.rule.cores),
            "window_overlap": overlap,
        },
        "sampler": {
            "steps": default.steps if asked.steps is None else asked.steps,
            "guidance": default.guidance if asked.guidance is None else asked.guidance,
        },
        "profile": dict(profile),
        "overlap_s": round(geometry.seconds(overlap), _DECIMALS),
        "joins_s": _in_file(plan, _joins(plan)),
        "chunk_joins_s": _in_file(plan, _chunk_joins(plan)),
    }


def _joins(plan: Plan) -> Iterator[float]:
    """The middle of each overlap of two windows, in latent frames."""
    starts = [window.start_frame for window in plan.windows]
    if plan.loop is not None:
        around = turns(plan.windows, plan.loop.frames, *plan.reach.latents)
        starts = [start_frame for start_frame, _ in around]
    for start_frame in starts[1:]:  # nothing comes before the first
        yield start_frame + plan.rule.overlap / 2


def _chunk_joins(plan: Plan) -> Iterator[float]:
    """The middle of each fade from chunk to chunk, in latent frames."""
    for start, _ in plan.reach.chunks():
        if start or plan.loop is not None:
            yield (start + FADE / 2) / plan.geometry.latent_stride


def _in_file(plan: Plan, frames: Iterable[float]) -> list[float]:
    """Latent frames as seconds of the file; those outside it are left out."""
    times_s = (plan.geometry.seconds(frame) - plan.start_s for frame in frames)
    return [round(time_s, _DECIMALS) for time_s in times_s if 0 < time_s < plan.duration_s]


def sidecar_text(document: Document, sha256: str) -> bytes:
    """The bytes of a sidecar: one field on each line, always the same."""
    whole = {**document, "sha256": sha256}
    lines = (f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in whole.items())
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def same_render(one: Document, other: Document) -> bool:
    """Whether two documents describe the same samples. They may be written in other formats."""
    return _compared(one) == _compared(other)


def differences(one: Document, other: Document) -> list[str]:
    """The fields, such as `profile.torch`, in which two descriptions differ."""
    first, second = _compared(one), _compared(other)
    found = []
    for name in sorted(first.keys() | second.keys()):
        a, b = first.get(name), second.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            found += [f"{name}.{k}" for k in sorted(a.keys() | b.keys()) if a.get(k) != b.get(k)]
        elif a != b:
            found.append(name)
    return found


def _compared(document: Document) -> Document:
    """What of a document decides samples: not their hash, nor a file's format, nor names."""
    left = {name: value for name, value in document.items() if name not in _NAMING}
    if isinstance(left.get("scene"), dict):
        left["scene"] = {k: v for k, v in left["scene"].items() if k != "output"}
    if isinstance(left.get("model"), dict):
        left["model"] = {"fingerprint": left["model"].get("fingerprint")}
    normal: Document = json.loads(json.dumps(left))
    return normal


@dataclass(frozen=True)
class SidecarRule:
    """Where a render's sidecar goes, and what it may replace.

    write: one is wanted. force: existing files may be replaced. inputs: real paths of the scenes of
    the command, which are never replaced.
    """

    path: Path
    write: bool = True
    force: bool = False
    inputs: frozenset[str] = frozenset()

    def check(self) -> None:
        """Refuse what can be known to be wrong before anything is loaded.

        Raises OutputError for a file in the place that is no sidecar, if one is wanted and the file
        may not be replaced; for a folder there; for a name that is too long.
        """
        if not self.write:
            return
        if len(os.fsencode(self.path.name)) > _LONGEST_NAME_BYTES:
            raise self._refusal("the name is too long", "choose a shorter one, or --no-sidecar")
        if self.path.is_dir():
            raise self._refusal("is a folder", "name another output with -o, or use --no-sidecar")
        if self.path.exists() and self._there() is None:
            self._may_replace("is no sidecar, and would become one")

    def admit(self, document: Document) -> Sidecar | None:
        """The sidecar that is there, if it describes this very render; None if it may be replaced,
        or there is none. Raises OutputError if it may not."""
        if not self.path.exists():
            return None
        there = self._there()
        if there is not None and same_render(there.document, document):
            return there
        if there is not None or self.write:
            self._may_replace("describes another render")
        return None

    def companion(self, document: Document, there: Sidecar | None, sha256: str) -> Companion | None:
        """What the finished sound puts in the place; None: the one that is there is right.

        Raises OutputError where that one describes this render and other samples, and may not be
        replaced: then it, or what it describes, was made by other means than it says.
        """
        if there is not None and there.sha256 == sha256:
            return None
        if there is not None:
            self._may_replace("describes this render, but other samples")
        if self.write:
            return Companion(self.path, sidecar_text(document, sha256))
        stale = self.path.exists() and self._there() is not None
        return Companion(self.path, None) if stale else None

    def _there(self) -> Sidecar | None:
        """The sidecar in the place, or None if what is there is none of ours, or not readable."""
        try:
            return read_sidecar(self.path)
        except (OSError, SceneError):
            return None

    def _may_replace(self, what: str) -> None:
        if os.path.realpath(self.path) in self.inputs:
            remedy = "it is the scene to render, and stays: name another output with -o"
            raise self._refusal(what, remedy)
        if not self.force:
            remedy = "use --force to replace it, or name another output with -o"
            raise self._refusal(what, remedy)

    def _refusal(self, what: str, remedy: str) -> OutputError:
        return OutputError(Problem(str(self.path), what, remedy))


class Beside:
    """A render's description and its place. Raises OutputError, at once, if it may not go there."""

    def __init__(self, rule: SidecarRule, document: Document) -> None:
        rule.check()
        self._rule, self._document = rule, document
        self._there = rule.admit(document)

    def companion(self, sha256: str) -> Companion | None:
        """What the finished sound of that hash puts beside it; see `SidecarRule.companion`."""
        return self._rule.companion(self._document, self._there, sha256)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ambientgen")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unreleased"


def rule_for(
    output: str, write: bool, force: bool, scenes: Sequence[str] = ()
) -> SidecarRule | None:
    """The rule for a sound at `output`, or None where nothing can stand beside it."""
    if output == STDOUT or (os.path.exists(output) and not os.path.isfile(output)):
        return None
    inputs = frozenset(os.path.realpath(scene) for scene in scenes)
    return SidecarRule(sidecar_path(output), write, force, inputs)
