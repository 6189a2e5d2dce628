"""What a stage learns from, where that is made by networks below it.

A work folder is kept, and any stage may get more steps later. Latents, LOA and words are then
others than those that the stages above have learnt from, so these begin anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from ambientgen.messages import Listener, Notice
from ambientgen.training.devices import Devices


def digest_of(weights: Mapping[str, Tensor]) -> str:
    """SHA-256, in hex, of a network's weights with their names."""
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def begin_anew(
    stage: str, below: Mapping[str, nn.Module], folder: Path, tell: Listener, devices: Devices
) -> None:
    """Leave no checkpoint of `stage` that has learnt from other networks than those `below` (by
    stage), and note these.

    A checkpoint of which nothing is noted, in an older work folder, stays. One process does it for
    all.
    """
    if devices.rank == 0:
        mark, checkpoint = folder / f"{stage}.below", folder / f"{stage}.ckpt"
        now = {name: digest_of(network.state_dict()) for name, network in below.items()}
        before = _noted(mark)
        changed = [name for name in now if before.get(name, now[name]) != now[name]]
        if changed:
            if checkpoint.exists():
                have = "has" if len(changed) == 1 else "have"
                what = f"{' and '.join(changed)} {have} changed, from which it learns"
                tell(Notice(f"{stage} begins anew: {what}"))
            for path in (checkpoint, folder / f"{stage}.log"):
                path.unlink(missing_ok=True)
        if before != now:
            folder.mkdir(parents=True, exist_ok=True)
            mark.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    devices.wait()


def _noted(mark: Path) -> dict[str, str]:
    """The digests noted in a file; none where there is none, or a torn one."""
    try:
        noted = json.loads(mark.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}
