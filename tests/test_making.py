"""Windows beside their neighbours: what they take over, and how far it reaches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ambientgen.latents import SamplerOptions, denoise, draft, finish, last_step
from ambientgen.loa import Conditioning, condition
from ambientgen.making import Draft, coupled, faded
from ambientgen.models.loading import Model
from ambientgen.windows import Window


def drafts(values: list[float]) -> list[Draft]:
    nothing = torch.zeros(1, 1)
    told = Conditioning(nothing, nothing, nothing)
    return [
        Draft(4 * i, Window(i, 4 * i, 6, 4), told, np.full((3, 6), value, np.float32))
        for i, value in enumerate(values)
    ]


def test_overlaps_agree_and_the_rest_stays() -> None:
    made = list(coupled(drafts([1.0, 2.0, 4.0])))
    first, second, third = (each.rows for each in made)
    np.testing.assert_array_equal(first[:, -2:], second[:, :2])
    np.testing.assert_array_equal(second[:, -2:], third[:, :2])
    assert (first[:, :-2] == 1).all() and (second[:, 2:-2] == 2).all() and (third[:, 2:] == 4).all()
    assert 1.25 <= first[0, -2] < 1.5 < first[0, -1] <= 1.75
    assert [each.start_frame for each in made] == [0, 4, 8]


def test_a_window_depends_on_its_neighbours_alone() -> None:
    """So a stretch that knows one window more on either side is what it is in the whole."""
    whole = list(coupled(drafts([1.0, 2.0, 4.0, 8.0, 16.0])))
    part = list(coupled(drafts([1.0, 2.0, 4.0, 8.0, 16.0])[1:4]))
    np.testing.assert_array_equal(part[1].rows, whole[2].rows)


def test_windows_that_do_not_touch_stay_as_they_are() -> None:
    apart = [replace(each, start_frame=2 * each.start_frame) for each in drafts([1.0, 2.0])]
    assert [each.rows.max() for each in coupled(apart)] == [1, 2]
    assert list(coupled([])) == []


def test_equal_sides_stay_bit_for_bit() -> None:
    side = np.random.default_rng(1).standard_normal((4, 12)).astype(np.float32)
    np.testing.assert_array_equal(faded(side, side), side)


@pytest.mark.parametrize("guidance", [1.0, 2.5])
def test_a_draft_finished_alone_is_a_window(hub_model: Model, guidance: float) -> None:
    negative = condition(hub_model, "") if guidance > 1 else None
    options = SamplerOptions(3, guidance, negative)
    geometry = hub_model.geometry
    shape = (1, geometry.latent_channels, 16, geometry.latent_bins)
    noise = torch.from_numpy(np.random.default_rng(2).standard_normal(shape)).float()
    told = [condition(hub_model, "rain")]
    made = finish(hub_model, draft(hub_model, noise, told, options), told, options)
    assert torch.equal(made, denoise(hub_model, noise, told, options))


def test_one_step_or_another_sampler_has_no_draft(hub_model: Model) -> None:
    assert last_step(hub_model, SamplerOptions(2)) is not None
    assert last_step(hub_model, SamplerOptions(1)) is None
    assert last_step(hub_model, SamplerOptions(4, scheduler="DDIMScheduler")) is None
