"""What the vocoder is taught by."""

from __future__ import annotations

import torch
from torch import Tensor

from ambientgen.training.vocoder import bands_energy, coarse_log, fine_log


def _score(made: float, chance: float) -> float:
    """Of drafts whose bands vary by `made` beside sounds whose bands vary by `chance`."""
    torch.manual_seed(0)

    def draw(deviation: float) -> Tensor:
        return deviation * torch.randn(64, 1, 100, 64)

    return float(bands_energy(draw(made), draw(made), draw(chance)))


def test_the_energy_of_bands_is_least_for_drafts_that_vary_as_sounds_do() -> None:
    right = _score(1.0, 1.0)
    assert all(_score(made, 1.0) > 1.01 * right for made in (0.0, 0.5, 1.6))


def test_a_click_is_one_instant_of_fine_bands_and_several_of_coarse_ones() -> None:
    audio = 1e-4 * torch.randn(1, 16_000)
    audio[0, 8_000] = 0.5
    spans = []
    for view, hop in ((fine_log, 40), (coarse_log, 160)):
        course = view(audio).mean(3)[0, 0]
        loud = torch.nonzero(course > course.median() + 1)[:, 0]
        assert abs(float(loud.float().mean()) * hop - 8_000) < 160
        spans.append((int(loud.max() - loud.min()) + 1) * hop)
    fine, coarse = spans
    assert fine <= 320 and coarse >= 640  # samples
