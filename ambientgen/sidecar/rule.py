"""Where a sidecar goes, what it may replace, and whether two of them describe the same samples."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ambientgen.audio_file import FORMATS, Companion, Written, is_stream
from ambientgen.audio_file.part import LONGEST_NAME_BYTES
from ambientgen.errors import OutputError, Problem, SceneError
from ambientgen.scene.scene import OutputOptions
from ambientgen.sidecar.document import Document
from ambientgen.sidecar.reading import Sidecar, common_path, own_path, read_sidecar, sidecar_path

_VERSION = "ambientgen"  # the field that says which one wrote a sidecar
_NAMING = frozenset(("sha256", _VERSION, "stems", "file_sha256"))
_EXACT = frozenset(("wav", "flac"))  # the same samples in either

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def sidecar_text(document: Document, sha256: str, more: Mapping[str, Any] = _NOTHING) -> bytes:
    """The bytes of a sidecar: one field on each line, always the same.

    more: what is known of the files only when they are written. Raises ValueError for a number
    that JSON has not, such as infinity.
    """
    whole = {**document, "sha256": sha256, **more}
    lines = (
        f"  {json.dumps(name)}: {json.dumps(value, allow_nan=False)}"
        for name, value in whole.items()
    )
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
    """What of a document decides samples: not their hash, nor the exact format, nor names."""
    left = {name: value for name, value in document.items() if name not in _NAMING}
    for name, value in {"layout": "mono", "bits": "16"}.items():
        left.setdefault(name, value)  # older sidecars know no other
    if isinstance(left.get("scene"), dict):
        left["scene"] = _scene_compared(left["scene"])
    if "model" in left:
        left["model"] = _content_of(left["model"])
    if isinstance(left.get("layers"), list):
        left["layers"] = {
            str(layer.get("name")): {**layer, "model": _content_of(layer.get("model"))}
            for layer in left["layers"]
            if isinstance(layer, dict)
        }
    normal: Document = json.loads(json.dumps(left))
    return normal


def _scene_compared(scene: Document) -> Document:
    """A scene's document with what its output says that is not as ever.

    Where a recording lies, and what a model is called, is no matter: their content is compared.
    """
    scene = {name: value for name, value in scene.items() if name != "model"}
    layers = scene.get("layers")
    if isinstance(layers, dict):
        dicts = {name: layer for name, layer in layers.items() if isinstance(layer, dict)}
        content = {name: {**own, "file": None, "model": None} for name, own in dicts.items()}
        scene = {**scene, "layers": content}
    output = scene.get("output")
    if not isinstance(output, dict):
        return scene
    usual = {**asdict(OutputOptions()), "format": output.get("format")}
    said = {name: value for name, value in output.items() if usual.get(name) != value}
    if output.get("format") not in _EXACT:
        said["format"] = output.get("format")
    others = {name: value for name, value in scene.items() if name != "output"}
    return {**others, "output": said} if said else others


def _content_of(model: object) -> object:
    return {"fingerprint": model.get("fingerprint")} if isinstance(model, dict) else model


@dataclass(frozen=True)
class SidecarRule:
    """Where a render's sidecar goes, and what it may replace.

    write: one is wanted. force: existing files may be replaced. inputs: real paths of the scenes of
    the command, which are never replaced. own: where it goes if another sound's takes the path.
    alone: there is no sound that the one in the place could describe.
    """

    path: Path
    write: bool = True
    force: bool = False
    inputs: frozenset[str] = frozenset()
    own: Path | None = None
    alone: bool = False

    def check(self) -> None:
        """Refuse what can be known to be wrong before anything is loaded.

        Raises OutputError for a file in the place that is no sidecar, if one is wanted and the file
        may not be replaced; for a folder there; for a name that is too long.
        """
        if not self.write:
            return
        if len(os.fsencode(self.path.name)) > LONGEST_NAME_BYTES:
            raise self._refusal("the name is too long", "choose a shorter one, or --no-sidecar")
        if self.path.is_dir():
            raise self._refusal("is a folder", "name another output with -o, or use --no-sidecar")
        if os.path.lexists(self.path) and self._there() is None:
            self._may_replace("is no sidecar, and would become one")

    def admit(self, document: Document) -> Sidecar | None:
        """The sidecar that is there, if it describes this very render; None if it may be replaced,
        or there is none. Raises OutputError if it may not."""
        if not os.path.lexists(self.path):
            return None
        there = self._there()
        if there is not None and same_render(there.document, document):
            return there
        if there is not None or self.write:
            self._may_replace("describes another render")
        return None

    def companion(
        self,
        document: Document,
        there: Sidecar | None,
        sha256: str,
        more: Mapping[str, Any] = _NOTHING,
        *,
        fresh: bool = False,
    ) -> Companion | None:
        """What the finished sound puts in the place; None: the one that is there is right, and of
        this version.

        fresh: there was nothing when it was begun. What has appeared since is not replaced: if it
        is the sidecar of a sound in another format, this one's own name is taken.

        Raises OutputError where that one describes this render and other samples, and may not be
        replaced: then it, or what it describes, was made by other means than it says. One that was
        left `alone` may go, unless it is the very scene that is rendered.
        """
        same = there is not None and there.sha256 == sha256
        if there is not None and same:
            said = {_VERSION: document.get(_VERSION), **more}
            if all(there.document.get(name) == value for name, value in said.items()):
                return None
            if not self.write:
                return None  # it is right as far as it goes
        elif there is not None and not self.alone:
            self._may_replace("describes this render, but other samples")
        if self.write:
            path = self.path
            if fresh and self.own is not None and _is_of_another(path, self.own.stem):
                path = self.own
            return Companion(path, sidecar_text(document, sha256, more), fresh)
        if fresh:
            return None
        stale = not self._is_input and self._there() is not None
        return Companion(self.path, None) if stale else None

    def _there(self) -> Sidecar | None:
        return _readable(self.path)

    @property
    def _is_input(self) -> bool:
        return os.path.realpath(self.path) in self.inputs

    def _may_replace(self, what: str) -> None:
        if self._is_input:
            remedy = "it is the scene to render, and stays: name another output with -o"
            raise self._refusal(what, remedy)
        if not self.force:
            remedy = "name another output or folder with -o, or use --force to replace it"
            raise self._refusal(what, remedy)

    def _refusal(self, what: str, remedy: str) -> OutputError:
        return OutputError(Problem(str(self.path), what, remedy))


class Beside:
    """A render's description and its place. Raises OutputError, at once, if it may not go there."""

    def __init__(self, rule: SidecarRule, document: Document) -> None:
        rule.check()
        self._rule, self._document = rule, document
        self._there = rule.admit(document)
        self._fresh = not os.path.lexists(rule.path)

    def companion(
        self, mix: Written, stems: Mapping[str, tuple[Path, Written]]
    ) -> Companion | None:
        """What the finished sound, with its stems by layer, puts beside it; see
        `SidecarRule.companion`."""
        more: Document = {}
        if mix.file_sha256 is not None:
            more["file_sha256"] = mix.file_sha256
        if stems:
            more["stems"] = {
                name: {"file": path.name} | _hashes(stem) for name, (path, stem) in stems.items()
            }
        return self._rule.companion(
            self._document, self._there, mix.sha256, more, fresh=self._fresh
        )


def _hashes(written: Written) -> Document:
    of_file = written.file_sha256
    return {"sha256": written.sha256} | ({} if of_file is None else {"file_sha256": of_file})


def rule_for(
    output: str, write: bool, force: bool, scenes: Sequence[str] = ()
) -> SidecarRule | None:
    """The rule for a sound at `output`, or None where nothing can stand beside it.

    Where `NAME.json` describes a sound of another format, this one gets a sidecar of its own.
    """
    if is_stream(output):
        return None
    inputs = frozenset(os.path.realpath(scene) for scene in scenes)
    path = sidecar_path(output)
    own = own_path(output)
    if path == common_path(output) and _is_of_another(path, output):
        path = own
    alone = not os.path.exists(output) and os.path.realpath(path) not in inputs
    return SidecarRule(path, write, force, inputs, own if own != path else None, alone)


def _is_of_another(path: Path, sound: str) -> bool:
    """Whether the sidecar at `path` describes a sound whose file has another suffix than
    `sound`."""
    suffix = Path(sound).suffix
    there = _readable(path)
    output = None if there is None else there.document["scene"].get("output")
    kind = FORMATS.get(str(output.get("format", "wav"))) if isinstance(output, dict) else None
    return kind is not None and kind.suffix != suffix.lower()


def _readable(path: Path) -> Sidecar | None:
    """The sidecar at `path`, or None if what is there is none of ours, or not readable."""
    try:
        return read_sidecar(path)
    except (OSError, SceneError):
        return None
