"""Sidecars read back."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ambientgen.asked import Asked
from ambientgen.audio_file.digest import file_sha256
from ambientgen.errors import AmbientgenError, Problem, SceneError
from ambientgen.scene import parse_scene, recording_path
from ambientgen.scene.build import Apart, together
from ambientgen.scene.document import document_text
from ambientgen.scene.tree import MAX_VALUES
from ambientgen.sidecar.document import FORMAT, Batches, Document

if TYPE_CHECKING:
    from ambientgen.scene import Layer, Scene

SUFFIX = ".json"
_MOST_BYTES = 64_000_000  # a week's joins take 3 MB
_RESOLVED = 10  # times as many values as its author wrote may a scene have with all of it resolved
_LONGEST_S = 1e9  # thirty years: a time past it is none


@dataclass(frozen=True)
class Sidecar:
    """A sidecar that was read: `path` as given, and its document."""

    path: str
    document: Document

    @property
    def sha256(self) -> str:
        """Hex digest of the samples as they were written."""
        return str(self.document["sha256"])

    @property
    def stems(self) -> dict[str, Document]:
        """What is said of each stem, by its layer: `file` and `sha256` are there."""
        told = self.document.get("stems")
        return {
            layer: said
            for layer, said in (told.items() if isinstance(told, dict) else ())
            if isinstance(said, dict)
            and isinstance(said.get("file"), str)
            and isinstance(said.get("sha256"), str)
        }

    @property
    def asked(self) -> Asked:
        """What was asked for besides the scene."""
        told = self.document["asked"]
        return Asked(told["duration_s"], (told["from_s"], told["to_s"]))

    @property
    def is_endless(self) -> bool:
        """Whether its scene never ends by itself."""
        return bool(self.document["scene"].get("duration") == "endless")

    @property
    def batches(self) -> Batches:
        """In how large batches the sound was made: without the same it would be another one, in its
        last bits."""
        found = {}
        for made in [self.document, *self.document.get("layers", [])]:
            model, profile = made.get("model"), made.get("profile")
            if not (isinstance(model, dict) and isinstance(profile, dict)):
                continue
            content, device = model.get("fingerprint"), profile.get("device")
            batch = profile.get("batch")
            if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
                continue
            if isinstance(content, str) and isinstance(device, str):
                found[content, device] = batch
        return found

    def changed_recordings(self) -> list[str]:
        """The layers whose recordings are gone, or not those that were used."""
        layers = self.document.get("layers", [])
        known = {layer["name"]: layer["sha256"] for layer in layers if "sha256" in layer}
        if not known:
            return []
        of_files = [layer for layer in self.scene().layers if layer.name in known]
        return [each.name for each in of_files if _hash_of(each) != known[each.name]]

    def scene(self, overrides: Sequence[str] = (), apart: Apart = together) -> Scene:
        """The scene that was rendered, changed as the overrides say; `apart` as in `load_scene`,
        where they have made several states of one.

        Raises SceneError where it, or an override, is wrong.
        """
        text = document_text(self.document["scene"])
        return parse_scene(text, self.path, overrides, apart, _RESOLVED * MAX_VALUES)


def sidecar_path(sound: str | os.PathLike[str]) -> Path:
    """Where the sidecar of a sound is, or would be: its own, if there is one, else the common one.

    Of a link, beside what it leads to.
    """
    own = own_path(sound)
    return own if is_sidecar(own) else common_path(sound)


def common_path(sound: str | os.PathLike[str]) -> Path:
    """`NAME.json`, the sidecar of the first sound called NAME."""
    return _real(sound).with_suffix(SUFFIX)


def own_path(sound: str | os.PathLike[str]) -> Path:
    """`NAME.ogg.json`, the sidecar of `NAME.ogg` where another sound has `NAME.json`."""
    real = _real(sound)
    return real.with_name(real.name + SUFFIX)


def mix_sidecars(sound: str | os.PathLike[str]) -> list[Path]:
    """Where the sidecar of its mix may lie, if a sound is a stem: MIX.ogg for MIX.LAYER.ogg."""
    stem = _real(sound)
    mix = stem.with_name(Path(stem.stem).stem + stem.suffix)
    return [own_path(mix), common_path(mix)] if mix != stem else []


def as_stem(sound: str | os.PathLike[str]) -> tuple[Sidecar, str] | None:
    """The sidecar of the mix, and the layer, of a stem. None: nobody says that it is a stem."""
    for path in mix_sidecars(sound):
        try:
            beside = read_sidecar(path)
        except (OSError, SceneError):
            continue
        for layer, said in ({} if beside is None else beside.stems).items():
            if beside is not None and said["file"] == _real(sound).name:
                return beside, layer
    return None


def _real(sound: str | os.PathLike[str]) -> Path:
    return Path(os.path.realpath(sound) if os.path.islink(sound) else sound)


def is_sidecar(path: Path) -> bool:
    """Whether there is a sidecar at `path`, whole or not."""
    try:
        return read_sidecar(path) is not None
    except OSError:
        return False
    except SceneError:
        return True


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
    whole = whole and _are_layers(document.get("layers", []))
    if not (whole and isinstance(asked, dict) and _is_asked(asked)):
        remedy = "render the scene again to have it written anew"
        raise SceneError(Problem(name, "this sidecar is not whole", remedy))
    return Sidecar(name, document)


def _hash_of(layer: Layer) -> str | None:
    """Of a layer's recording; None: there is none to be read."""
    try:
        return file_sha256(recording_path(layer))
    except (AmbientgenError, OSError, ValueError):
        return None


def is_time(value: object) -> bool:
    """Whether a JSON value can be a time in a sound, in seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < _LONGEST_S


def _are_layers(told: object) -> bool:
    return isinstance(told, list) and all(
        isinstance(each, dict) and isinstance(each.get("name"), str) for each in told
    )


def _is_asked(told: Document) -> bool:
    known = Asked().to_json().keys() <= told.keys()
    return known and all(told[name] is None or is_time(told[name]) for name in Asked().to_json())
