"""How near stems sum to their mix, read by ffmpeg."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ambientgen.scene.shipped import shipped_scenes
from ambientgen.training.scores.report import Figure, Row, Table
from ambientgen.training.shipping.bench import Bench
from ambientgen.training.shipping.programs import decoded

BITS = ("32f", "24", "16")
LIMIT = 1e-6  # of floats, before the limiter


def stems(bench: Bench, depths: tuple[str, ...] = BITS) -> Iterator[Table]:
    """A row for each shipped scene with layers and each kind of samples."""
    rows = []
    for shipped in shipped_scenes():
        if bench.scene(shipped.text, shipped.name).layers:
            rows += [_row(bench, shipped.name, shipped.text, bits) for bits in depths]
    yield Table(
        "stems",
        "Stems against the mix",
        "Shipped scenes with layers, whole: the largest difference between a sample of the mix and "
        "the sum of the stems', full scale being 1. Floats within 1e-6; at 16 and 24 bits each "
        "file is off by its own dither, 1.5 steps at most.",
        rows,
    )


def _row(bench: Bench, name: str, text: str, bits: str) -> Row:
    scene = bench.scene(text, name, "output.format=wav", f"output.bits={bits}")
    names = [layer.name for layer in scene.sounds]
    paths = {each: bench.folder / f"{name}.{each}.wav" for each in names}
    take = bench.take(scene, f"{name}.wav", stems=paths)
    channels = take.report.channels
    total = sum(decoded(path, channels) for path in paths.values())
    wrong = float(np.abs(total - decoded(take.path, channels)).max())
    figures: dict[str, Figure] = {"stems": str(len(names)), "largest difference": f"{wrong:.1e}"}
    allowed = LIMIT
    if bits != "32f":
        step = 2.0 ** (1 - int(bits))
        figures["in steps"] = f"{wrong / step:.0f}"
        allowed = 1.5 * (len(names) + 1) * step
    figures["limiter, dB"] = take.limited_db or None
    return Row(f"{name}, {bits}", figures, wrong < allowed)
