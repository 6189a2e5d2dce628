"""The ear: what a sound file is like, measured with no network and no weights.

`listen` says everything about one file; `pooled_auc` says over many files whether joins can be
told; `texture.stats` and `texture.distance` compare textures.
"""

from __future__ import annotations

from ambientgen.ear.hearing import Hearing, listen
from ambientgen.ear.seams import join_features, pooled_auc
from ambientgen.ear.verdicts import Verdict

__all__ = ["Hearing", "Verdict", "join_features", "listen", "pooled_auc"]
