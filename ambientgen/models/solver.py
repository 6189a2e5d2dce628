"""DPM-Solver++ of second order (Lu et al. 2022): how a sample is led from noise to a clean latent.

Each step is linear in the sample, in the network's prediction and in the clean latent that the step
before believed in; its coefficients follow from the configuration and the number of steps. So a
sampler is a row of numbers, the same for all windows, and holds no state. The noise schedule,
spacing and order of steps are those of diffusers' DPMSolverMultistepScheduler.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ambientgen.errors import ModelError, Problem, UsageError
from ambientgen.models.configuration import Fields, UnsupportedError

FloatArray = NDArray[np.float64]

# The cumulative alpha that stands for 0 where the schedule ends in pure noise: diffusers' choice,
# the smallest number half precision can hold, so that the first sigma is finite.
NEARLY_NOTHING = 2.0**-24

CONFIG = "scheduler/scheduler_config.json"  # within the model's folder; the place of its problems
# What the numbers of a schedule must be. Betas are shares of power that are lost.
RANGES: dict[str, tuple[Any, float, float]] = {
    "num_train_timesteps": (int, 1, 1_000_000),
    "steps_offset": (int, 0, 1_000_000),
    "beta_start": ((int, float), 0, 0.9999),
    "beta_end": ((int, float), 0, 0.9999),
}
# What diffusers' solver of this kind knows; ours does some of it.
CHOICES = {
    "prediction_type": ("epsilon", "sample", "v_prediction", "flow_prediction"),
    "beta_schedule": ("linear", "scaled_linear", "squaredcos_cap_v2"),
    "timestep_spacing": ("linspace", "leading", "trailing"),
}

FIELDS = Fields(
    {
        "num_train_timesteps": 1000,
        "beta_start": 0.0001,
        "beta_end": 0.02,
        "beta_schedule": "linear",
        "prediction_type": "epsilon",
        "timestep_spacing": "linspace",
        "steps_offset": 0,
        "rescale_betas_zero_snr": False,
    },
    {
        "algorithm_type": ("dpmsolver++",),
        "euler_at_final": (False, True),  # the last step is of first order anyhow: it ends at 0
        "final_sigmas_type": ("zero",),
        "lambda_min_clipped": (-math.inf,),
        "lower_order_final": (False, True),
        "solver_order": (2,),
        "solver_type": ("midpoint",),
        "thresholding": (False,),
        "trained_betas": (None,),
        "use_beta_sigmas": (False,),
        "use_dynamic_shifting": (False,),
        "use_exponential_sigmas": (False,),
        "use_flow_sigmas": (False,),
        "use_karras_sigmas": (False,),
        "use_lu_lambdas": (False,),
    },
    # Of thresholding and flows, which are off, and of DDIM, whose configurations are published.
    frozenset({"dynamic_thresholding_ratio", "flow_shift", "sample_max_value", "time_shift_type"})
    | {"clip_sample", "clip_sample_range", "set_alpha_to_one", "skip_prk_steps", "variance_type"},
)


@dataclass(frozen=True)
class Step:
    """One step of the sampler.

    The network is asked at `timestep` and predicts; then
    clean = `sample_to_clean` * sample + `prediction_to_clean` * prediction, and the next sample is
    `keep` * sample + `toward` * clean + `momentum` * the clean of the step before.
    """

    timestep: int
    sample_to_clean: float
    prediction_to_clean: float
    keep: float
    toward: float
    momentum: float


def solver_steps(config: Mapping[str, Any], steps: int, strength: float = 1.0) -> tuple[Step, ...]:
    """The steps from unit noise to a clean latent, for a scheduler's configuration.

    With a `strength` below 1 they begin so far up the schedule, with what `start_amplitudes` says:
    never further, however many they are, and less far where their spacing (`leading`) has it so.

    Raises UnsupportedError for one that asks for another solver or schedule, UsageError for more
    steps than its spacing has room for there, ModelError for one that describes no schedule.
    """
    values, timesteps, ratios = _course(config, steps, strength)
    return _row(values["prediction_type"], timesteps.tolist(), np.append(ratios, 0.0))


def _row(kind: str, timesteps: list[int], ratios: FloatArray) -> tuple[Step, ...]:
    """Steps for the noise to signal at each timestep and at the end, where 0 is a clean latent."""
    amplitudes = 1 / np.sqrt(1 + ratios**2)
    signal, noise = amplitudes.tolist(), (ratios * amplitudes).tolist()
    # How far each step moves in log signal-to-noise: one to a clean latent, all the way.
    with np.errstate(divide="ignore"):
        along = (-np.diff(np.log(ratios))).tolist()
    row = []
    for index, timestep in enumerate(timesteps):
        moved = signal[index + 1] * -math.expm1(-along[index])
        # Of first order: no step before, or an infinite one ahead.
        lone = index == 0 or math.isinf(along[index])
        momentum = 0.0 if lone else -0.5 * moved * along[index] / along[index - 1]
        row.append(
            Step(
                timestep,
                *_to_clean(kind, signal[index], noise[index]),
                keep=noise[index + 1] / noise[index],
                toward=moved - momentum,
                momentum=momentum,
            )
        )
    return tuple(row)


def start_amplitudes(config: Mapping[str, Any], steps: int, strength: float) -> tuple[float, float]:
    """How much of clean latents and of unit noise is mixed where `solver_steps` begin.

    Their squares add up to 1. Errors as there.
    """
    _, _, ratios = _course(config, steps, strength)
    signal = 1 / math.sqrt(1 + float(ratios[0]) ** 2)
    return signal, float(ratios[0]) * signal


def _course(
    config: Mapping[str, Any], steps: int, strength: float
) -> tuple[Mapping[str, Any], NDArray[np.int64], FloatArray]:
    """A configuration's values, the timesteps of its steps, and noise to signal at each."""
    values = FIELDS.of(config)
    _check_numbers(values)
    schedule = _schedule(values)
    begin = max(1, round(strength * values["num_train_timesteps"]))
    part = {**values, "num_train_timesteps": begin}
    timesteps = _timesteps(part, steps)
    ratios = _ratios(schedule, timesteps)
    if not _moves(ratios):
        raise _too_many(part, schedule, steps, strength)
    return values, timesteps, ratios


def _schedule(values: Mapping[str, Any]) -> FloatArray:
    """Noise to signal at each training step."""
    ratios: FloatArray = np.sqrt(1 / _cumulative_alphas(values) - 1)
    return ratios


def _ratios(schedule: FloatArray, timesteps: NDArray[np.int64]) -> FloatArray:
    """Noise to signal at each timestep; one beyond the schedule has its last."""
    ratios: FloatArray = np.interp(timesteps, np.arange(len(schedule)), schedule)
    return ratios


def _moves(ratios: FloatArray) -> bool:
    """Whether every step leads somewhere: one between equal amounts of noise divides by nothing.

    Not whether it falls: beside `NEARLY_NOTHING`, the last timestep but one may have more noise.
    """
    return bool(np.all(ratios > 0) and np.all(np.diff(ratios) != 0))


def _too_many(
    values: Mapping[str, Any], schedule: FloatArray, steps: int, strength: float
) -> Exception:
    """What to raise for a number of steps that the schedule cannot be cut into."""
    for fewer in range(min(steps - 1, len(schedule)), 0, -1):
        if _moves(_ratios(schedule, _timesteps(values, fewer))):
            what = f"this model cannot be rendered in {steps} steps"
            remedy = f"use at most {fewer}"
            if strength < 1:
                what += f" at a strength of {strength:g}"
                remedy += ", or a higher `strength`"
            return UsageError(Problem("render.steps", what, remedy))
    return ModelError(Problem(CONFIG, "describes no schedule of noise"))


def _check_numbers(values: Mapping[str, Any]) -> None:
    """Raises ModelError for a field of the schedule that is no such number."""
    problems = []
    for name, (kind, least, most) in RANGES.items():
        value = values[name]
        right = isinstance(value, kind) and not isinstance(value, bool) and least <= value <= most
        if not right:
            what = f"`{name}` is {reprlib.repr(value)}"
            problems.append(Problem(CONFIG, what, f"write a number from {least} to {most}"))
    if problems:
        raise ModelError(*problems)


def check_choices(config: Mapping[str, Any]) -> None:
    """Raises ModelError for a configuration that neither our solver nor diffusers' can follow."""
    problems = []
    for name, known in CHOICES.items():
        value = config.get(name, known[0])
        if value not in known:
            what = f"`{name}` is {reprlib.repr(value)}"
            problems.append(Problem(CONFIG, what, f"write one of {', '.join(known)}"))
    if problems:
        raise ModelError(*problems)


def _to_clean(kind: str, signal: float, noise: float) -> tuple[float, float]:
    """What of the sample and of the prediction makes the clean latent."""
    if kind == "epsilon":
        return 1 / signal, -noise / signal
    if kind == "v_prediction":
        return signal, -noise
    raise UnsupportedError(f"prediction_type is {kind!r}")


def _cumulative_alphas(values: Mapping[str, Any]) -> FloatArray:
    """How much of the signal's power is left at each training step."""
    start, end, count = (values[n] for n in ("beta_start", "beta_end", "num_train_timesteps"))
    if values["beta_schedule"] == "linear":
        betas = np.linspace(start, end, count)
    elif values["beta_schedule"] == "scaled_linear":
        betas = np.linspace(start**0.5, end**0.5, count) ** 2
    else:
        raise UnsupportedError(f"beta_schedule is {values['beta_schedule']!r}")
    cumulative: FloatArray = np.cumprod(1 - betas)
    if values["rescale_betas_zero_snr"]:
        # Lin et al. 2023: shift and stretch the amplitudes so that the last is nothing.
        roots = np.sqrt(cumulative)
        cumulative = ((roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2
        cumulative[-1] = NEARLY_NOTHING
    return cumulative


def _timesteps(values: Mapping[str, Any], steps: int) -> NDArray[np.int64]:
    """The training steps at which the network is asked, falling (Lin et al. 2023, table 2)."""
    count, spacing = values["num_train_timesteps"], values["timestep_spacing"]
    if spacing == "linspace":
        chosen = np.linspace(0, count - 1, steps + 1).round()[:0:-1]
    elif spacing == "leading":
        chosen = np.arange(steps, 0, -1) * (count // (steps + 1)) + values["steps_offset"]
    elif spacing == "trailing":
        # Cut, because rounding lets some ranges end one number late, before the first timestep.
        chosen = np.arange(count, 0, -count / steps)[:steps].round() - 1
    else:
        raise UnsupportedError(f"timestep_spacing is {spacing!r}")
    return np.asarray(chosen, np.int64)
