"""Whether a sound is there already: whole, unchanged, and what would be rendered now."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ambientgen.audio_file.digest import file_sha256, keeps_samples, pcm_sha256
from ambientgen.errors import AmbientgenError, MismatchError
from ambientgen.sidecar.document import Document
from ambientgen.sidecar.reading import Sidecar, read_sidecar, sidecar_path
from ambientgen.sidecar.rule import differences, same_render


def finished(
    output: str | os.PathLike[str], stems: Mapping[str, Path], document: Document
) -> Sidecar | str:
    """The sidecar of the sound at `output`, if that is the render which `document` describes, as
    are the `stems` wanted of it. Else why not, in words: something is missing, was changed, or is
    of another render.

    Another version of ambientgen may make other samples: what it made is not finished.
    """
    path = sidecar_path(output)
    try:
        beside = read_sidecar(path)
        if beside is None:
            return f"{path} is no sidecar"
        version = beside.document.get("ambientgen")
        if version != document["ambientgen"]:
            return f"ambientgen {version} made it"
        if not same_render(beside.document, document):
            return f"{path} differs in {', '.join(differences(beside.document, document))}"
        return _unlike(output, stems, beside) or beside
    except FileNotFoundError:
        return f"no sidecar {path} tells what it is"
    except (AmbientgenError, OSError):
        return f"it or {path} cannot be read"


def _unlike(
    output: str | os.PathLike[str], stems: Mapping[str, Path], beside: Sidecar
) -> str | None:
    """What of the files is not as the sidecar says."""
    known = beside.stems
    parts = [(os.fspath(output), beside.document)]
    for name, path in stems.items():
        if name not in known or known[name]["file"] != path.name:
            return f"it was written without its stem {path}"
        if not path.exists():
            return f"its stem {path} is missing"
        parts.append((os.fspath(path), known[name]))
    for file, said in parts:
        if not os.path.exists(file):
            return f"{file} is missing"
        if not _is_as_written(file, said):
            return f"{file} was changed since"
    return None


def _is_as_written(path: str, said: Document) -> bool:
    if keeps_samples(path):
        try:
            return pcm_sha256(path) == str(said["sha256"])
        except MismatchError:
            return False
    return file_sha256(path) == str(said.get("file_sha256"))
