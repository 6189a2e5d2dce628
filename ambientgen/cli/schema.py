"""`ambientgen schema`."""

from __future__ import annotations

import json

from ambientgen.console import Console


def schema() -> None:
    """Print the JSON Schema of scene files.

    Editors that have it complete and check scenes while you write them.
    """
    from ambientgen.scene import scene_json_schema

    Console().out(json.dumps(scene_json_schema(), indent=2, ensure_ascii=False))
