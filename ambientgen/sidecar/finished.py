"""Whether a sound is there already: whole, unchanged, and what would be rendered now."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ambientgen.audio_file.digest import file_sha256, keeps_samples, pcm_sha256
from ambientgen.errors import AmbientgenError
from ambientgen.sidecar.document import Document
from ambientgen.sidecar.reading import Sidecar, read_sidecar, sidecar_path
from ambientgen.sidecar.rule import same_render


def finished(
    output: str | os.PathLike[str], stems: Mapping[str, Path], document: Document
) -> Sidecar | None:
    """The sidecar of the sound at `output`, if that is the render which `document` describes, as
    are the `stems` wanted of it. None: something is missing, was changed, or is of another render.

    Another version of ambientgen may make other samples: what it made is not finished.
    """
    try:
        beside = read_sidecar(sidecar_path(output))
        if beside is None or beside.document.get("ambientgen") != document["ambientgen"]:
            return None
        if not same_render(beside.document, document):
            return None
        known = beside.stems
        parts = [(os.fspath(output), beside.document)]
        for name, path in stems.items():
            if name not in known or known[name]["file"] != path.name:
                return None
            parts.append((os.fspath(path), known[name]))
        if not all(_is_as_written(path, said) for path, said in parts):
            return None
    except (AmbientgenError, OSError):
        return None
    return beside


def _is_as_written(path: str, said: Document) -> bool:
    if keeps_samples(path):
        return pcm_sha256(path) == str(said["sha256"])
    return file_sha256(path) == str(said.get("file_sha256"))
