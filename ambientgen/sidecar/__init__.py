"""The file beside a sound that says what it is and how to make it again, bit for bit.

`rain.wav` has `rain.json`; a `rain.ogg` beside it has `rain.ogg.json`. It holds the scene with
everything resolved, the models by their content, the profile that decides the last bits, where
windows and chunks join, and the hash of the samples: nothing of when, where or by whom, so the same
render gives the same sidecar.
"""

from ambientgen.asked import Asked
from ambientgen.sidecar.document import FORMAT, Batches, Document, Made, SampleSpan, describe
from ambientgen.sidecar.finished import finished, unlike_its_sidecar
from ambientgen.sidecar.reading import (
    SUFFIX,
    Sidecar,
    as_stem,
    common_path,
    is_time,
    mix_sidecars,
    own_path,
    read_sidecar,
    sidecar_path,
)
from ambientgen.sidecar.rule import (
    Beside,
    SidecarRule,
    differences,
    rule_for,
    same_render,
    sidecar_text,
)

__all__ = [
    "FORMAT",
    "SUFFIX",
    "Asked",
    "Batches",
    "Beside",
    "Document",
    "Made",
    "SampleSpan",
    "Sidecar",
    "SidecarRule",
    "as_stem",
    "common_path",
    "describe",
    "differences",
    "finished",
    "is_time",
    "mix_sidecars",
    "own_path",
    "read_sidecar",
    "rule_for",
    "same_render",
    "sidecar_path",
    "sidecar_text",
    "unlike_its_sidecar",
]
