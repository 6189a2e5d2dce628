"""Our solver against diffusers', over the configurations it claims to know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hubconfigs import SCHEDULER
from torch import Tensor

from ambientgen.errors import ModelError, UsageError
from ambientgen.models.configuration import UnsupportedError
from ambientgen.models.solver import FIELDS, solver_steps

POCKET = {
    "beta_start": 0.0015,
    "beta_end": 0.0195,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
}
CONFIGS = {
    "published": SCHEDULER,
    "pocket": POCKET,
    "defaults": {},
    "velocity": {**SCHEDULER, "prediction_type": "v_prediction"},
    "linspace": {**SCHEDULER, "timestep_spacing": "linspace"},
    "trailing": {**SCHEDULER, "timestep_spacing": "trailing", "beta_schedule": "linear"},
    "offset": {**SCHEDULER, "steps_offset": 0, "num_train_timesteps": 500},
    "pocket, leading": {**POCKET, "timestep_spacing": "leading"},
}


def stock_scheduler(config: dict[str, Any], steps: int) -> Any:
    from diffusers import DPMSolverMultistepScheduler

    untyped: Any = DPMSolverMultistepScheduler
    scheduler = untyped.from_config(config)
    scheduler.set_timesteps(steps)
    return scheduler


def prediction(sample: Tensor, timestep: int) -> Tensor:
    """Something that listens to both, and stays as large as noise is."""
    return torch.tanh(sample * 0.7 + timestep / 500 - 1) + 0.3 * sample.roll(1, dims=-1)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 14, 15, 20, 50, 200])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_latents_equal_those_of_diffusers(config: dict[str, Any], steps: int) -> None:
    noise = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(steps))
    scheduler = stock_scheduler(config, steps)
    wanted = noise
    for timestep in scheduler.timesteps:
        heard = prediction(wanted, int(timestep))
        wanted = scheduler.step(heard, timestep, wanted, return_dict=False)[0]
    latents, before = noise, torch.zeros_like(noise)
    row = solver_steps(config, steps)
    for step in row:
        heard = prediction(latents, step.timestep)
        clean = step.sample_to_clean * latents + step.prediction_to_clean * heard
        latents = step.keep * latents + step.toward * clean + step.momentum * before
        before = clean
    assert [step.timestep for step in row] == scheduler.timesteps.tolist()
    # Such a prediction is no noise, so latents may grow to hundreds: judge by the largest.
    torch.testing.assert_close(latents, wanted, atol=1e-5 * max(1, wanted.abs().max()), rtol=0)


@pytest.mark.parametrize(
    ("base", "offset"),
    [(SCHEDULER, 1), (POCKET, 0), (POCKET, 30)],
    ids=["published", "pocket", "far"],
)
@pytest.mark.parametrize("spacing", ["linspace", "leading", "trailing"])
def test_any_number_of_steps_is_that_many_or_refused(
    base: dict[str, Any], spacing: str, offset: int
) -> None:
    config = {**base, "timestep_spacing": spacing, "steps_offset": offset}
    refused = {}
    for steps in range(1, 1001):
        try:
            row = solver_steps(config, steps)
        except UsageError as error:
            refused[steps] = str(error)
            continue
        assert len(row) == steps
        numbers = np.array([list(vars(step).values()) for step in row])
        assert np.isfinite(numbers).all(), steps
        assert (numbers[:, 0] >= 0).all(), steps
        assert (np.diff(numbers[:, 0]) < 0).all(), steps
    assert all(solver_steps(config, int(told.split()[-1])) for told in refused.values())
    assert len(refused) < 100


@pytest.mark.parametrize(
    ("spacing", "steps", "most"),
    [
        ("leading", 1000, 998),
        ("leading", 999, 998),
        ("linspace", 1000, 999),
        ("trailing", 1001, 1000),
        ("trailing", 50_000, 1000),
    ],
)
def test_too_many_steps_name_the_most_there_can_be(spacing: str, steps: int, most: int) -> None:
    config = {**SCHEDULER, "timestep_spacing": spacing}
    with pytest.raises(UsageError) as caught:
        solver_steps(config, steps)
    assert str(caught.value) == (
        f"render.steps: this model cannot be rendered in {steps} steps; use at most {most}"
    )
    assert len(solver_steps(config, most)) == most


@pytest.mark.parametrize("steps", [61, 103, 121, 122])
def test_trailing_steps_do_not_go_on_before_the_first_timestep(steps: int) -> None:
    row = solver_steps(POCKET, steps)
    stock = stock_scheduler(POCKET, steps).timesteps.tolist()
    assert [step.timestep for step in row] == stock[:steps]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"beta_start": "0.1"}, "`beta_start` is '0.1'; write a number from 0 to 0.9999"),
        ({"beta_end": 2}, "`beta_end` is 2; write a number from 0 to 0.9999"),
        ({"num_train_timesteps": 999.5}, "`num_train_timesteps` is 999.5; write a number"),
        ({"steps_offset": True}, "`steps_offset` is True; write a number"),
        ({"beta_start": 0, "beta_end": 0}, "describes no schedule of noise"),
    ],
)
def test_what_is_no_schedule_is_blamed(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ModelError) as caught:
        solver_steps({**SCHEDULER, **change}, 4)
    assert str(caught.value).startswith(f"scheduler/scheduler_config.json: {told}")


def test_only_the_steps_between_remember_the_one_before() -> None:
    row = solver_steps(POCKET, 5)
    assert [step.momentum == 0 for step in row] == [True, False, False, False, True]
    assert (row[-1].keep, row[-1].toward) == (0, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"algorithm_type": "sde-dpmsolver++"},
        {"beta_schedule": "squaredcos_cap_v2"},
        {"final_sigmas_type": "sigma_min"},
        {"lambda_min_clipped": -5.1},
        {"prediction_type": "sample"},
        {"solver_order": 3},
        {"solver_type": "heun"},
        {"thresholding": True},
        {"timestep_spacing": "even"},
        {"trained_betas": [0.1, 0.2]},
        {"use_karras_sigmas": True},
        {"something_new": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_it_does_not_do_is_left_to_diffusers(change: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError):
        solver_steps({**SCHEDULER, **change}, 4)


def test_every_field_of_todays_scheduler_is_known() -> None:
    config = dict(stock_scheduler(POCKET, 1).config)
    assert solver_steps(config, 4) == solver_steps(POCKET, 4)
    known = {*FIELDS.read, *FIELDS.fixed, *FIELDS.ignored}
    assert {name for name in config if not name.startswith("_")} <= known
    for name, default in FIELDS.read.items():
        assert dict(stock_scheduler({}, 1).config)[name] == default, name
    for name, values in FIELDS.fixed.items():
        assert dict(stock_scheduler({}, 1).config)[name] in values, name
