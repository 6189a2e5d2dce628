"""From prompts to LOA, and along the scene from keyframe to keyframe.

LOA ("language of audio") is what AudioLDM 2's GPT-2 stage writes: 8 embeddings for a window, in
order of time, token i about the (i + ½)/8 of it. Training pooled 8 of 64 AudioMAE time patches into
each (haoheliu/AudioLDM2, `AudioMAEConditionCTPoolRand`). The UNet cannot see their order, so each
position's embedding carries its own place: token i is only ever interpolated with token i.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ambientgen.errors import Problem, UsageError
from ambientgen.keyframes import Keyframe
from ambientgen.models.loading import Model
from ambientgen.models.tokens import PromptTokenizer
from ambientgen.scene.scene import DEFAULT_INTERPOLATION
from ambientgen.swells import Swells
from ambientgen.units import Geometry
from ambientgen.windows import Window

PARALLEL = 1e-6  # sine of the angle below which an arc is indistinguishable from its chord

Interpolation = Callable[[Tensor, Tensor, float], Tensor]


@dataclass(frozen=True)
class Conditioning:
    """What the UNet hears besides the noise, in float32 on the CPU.

    `loa` (8, D); `text` (L, Dt), the T5 states of the second stream; `text_mask` (L,) of int64,
    1 where `text` speaks and 0 where it is padding.
    """

    loa: Tensor
    text: Tensor
    text_mask: Tensor


def encode_prompts(model: Model, prompts: Iterable[str], batch_size: int = 1) -> dict[str, Tensor]:
    """The LOA (8, D) of every prompt, float32 on the CPU; each distinct prompt is encoded once.

    Only prompts of equal T5 length share a batch: GPT-2 would see padding before the end token,
    and say something else. With batches of one (the default) a prompt's LOA is the same to the
    bit whatever else is asked; larger ones agree with it within rounding.
    """
    loas: dict[str, Tensor] = {}
    for batch in _batches(model.tokenizer_2, dict.fromkeys(prompts), batch_size):
        loas.update(zip(batch, _generate(model, batch), strict=True))
    return loas


def encode_text(model: Model, text: str) -> tuple[Tensor, Tensor]:
    """T5 states (L, Dt) of one text and their mask (L,), float32 and int64 on the CPU."""
    states = _t5_states(model, [text])[0].cpu()
    return states, torch.ones(len(states), dtype=torch.int64)


def condition(model: Model, prompt: str) -> Conditioning:
    """A prompt in both streams: what the stock pipeline makes of it (a negative prompt, say)."""
    return Conditioning(encode_prompts(model, [prompt])[prompt], *encode_text(model, prompt))


def linear(start: Tensor, end: Tensor, fraction: float) -> Tensor:
    """The points at `fraction` (0 to 1) of straight lines between embeddings (..., D)."""
    return torch.lerp(start, end, fraction)


def spherical(start: Tensor, end: Tensor, fraction: float) -> Tensor:
    """The same on arcs: direction turns evenly, length changes evenly. Embeddings (..., D).

    Embeddings that are parallel, opposite or zero have no single arc: there it is `linear`.
    """
    lengths = start.norm(dim=-1, keepdim=True), end.norm(dim=-1, keepdim=True)
    divisors = (length.clamp_min(torch.finfo(start.dtype).tiny) for length in lengths)
    one, other = (each / by for each, by in zip((start, end), divisors, strict=True))
    angle = torch.arccos((one * other).sum(-1, keepdim=True).clamp(-1, 1))
    has_arc = (torch.sin(angle) >= PARALLEL) & (lengths[0] > 0) & (lengths[1] > 0)
    turned = torch.sin((1 - fraction) * angle) * one + torch.sin(fraction * angle) * other
    arc = torch.lerp(*lengths, fraction) * turned / torch.sin(angle).where(has_arc, 1.0)
    return torch.where(has_arc, arc, linear(start, end, fraction))


INTERPOLATIONS: dict[str, Interpolation] = {"linear": linear, "spherical": spherical}


class Trajectory:
    """The LOA of every moment of a scene: a pure function of absolute time."""

    def __init__(
        self,
        keyframes: Sequence[Keyframe],
        loas: Mapping[str, Tensor],
        geometry: Geometry,
        interpolation: str = DEFAULT_INTERPOLATION,
        period_s: float | None = None,
        swells: Swells | None = None,
        *,
        averaged_frames: int = 0,
    ) -> None:
        """`keyframes` in order of time, at least one; `loas` holds every prompt of their blends,
        and all that `swells` add to them at the times of windows' tokens.

        In a loop of `period_s` they are those of one turn, from 0 to `period_s`. Windows whose core
        has up to `averaged_frames` are told the curve's average.

        Raises UsageError for an unknown `interpolation`.
        """
        if interpolation not in INTERPOLATIONS:
            what = f"{interpolation!r} is no interpolation"
            remedy = f"choose {' or '.join(INTERPOLATIONS)}"
            raise UsageError(Problem("render.interpolation", what, remedy))
        self._keyframes = keyframes
        self._times_s = [keyframe.time_s for keyframe in keyframes]
        self._loas = {prompt: loa.double() for prompt, loa in loas.items()}
        self._geometry = geometry
        self._between = INTERPOLATIONS[interpolation]
        self._period_s = period_s
        self._swells = swells
        self._averaged_frames = averaged_frames
        self._tokens = len(next(iter(loas.values())))

    def window(self, window: Window) -> Tensor:
        """The LOA (8, D), float32, of a window: each token taken at its own time inside it; in a
        short one the curve's average over these times, with each token's own swell."""
        times_s = token_times_s(window, self._geometry, self._tokens)
        told = torch.stack([self._told(time_s) for time_s in self._in_turn(times_s)])
        short = window.core_frames <= self._averaged_frames
        own = told.mean(0) if short else told.diagonal().T
        return (own + torch.stack(self._swollen(times_s)).diagonal().T).float()

    def at(self, time_s: float) -> Tensor:
        """The LOA (8, D), float64, of one moment; the ends hold, or meet."""
        [within_s], [swell] = self._in_turn([time_s]), self._swollen([time_s])
        return self._told(within_s) + swell

    def _in_turn(self, times_s: Sequence[float]) -> list[float]:
        """Times of a loop's turn."""
        period_s = self._period_s
        return list(times_s) if period_s is None else [time_s % period_s for time_s in times_s]

    def _swollen(self, times_s: Sequence[float]) -> list[Tensor]:
        """What swells add to the LOA (8, D) at each time."""
        nothing = torch.zeros_like(next(iter(self._loas.values())))
        if self._swells is None:
            return [nothing] * len(times_s)
        return [
            sum((weight * self._loas[prompt] for prompt, weight in added.items()), start=nothing)
            for added in self._swells.at(self._in_turn(times_s))
        ]

    def _told(self, time_s: float) -> Tensor:
        """The LOA between keyframes, without swells."""
        after = bisect_right(self._times_s, time_s)
        if after == 0:
            return self._of_keyframe(0)
        if after == len(self._times_s):
            return self._of_keyframe(after - 1)
        start_s, end_s = self._times_s[after - 1], self._times_s[after]
        fraction = (time_s - start_s) / (end_s - start_s)
        return self._between(self._of_keyframe(after - 1), self._of_keyframe(after), fraction)

    def _of_keyframe(self, index: int) -> Tensor:
        """A keyframe's own LOA: that of its blend, weighted (summed in float64, in order)."""
        blend = self._keyframes[index].blend
        return torch.stack([weight * self._loas[prompt] for prompt, weight in blend]).sum(0)


def token_times_s(window: Window, geometry: Geometry, tokens: int) -> list[float]:
    """When each of a window's LOA tokens speaks: the middle of its share, in seconds."""
    spans = ((token + 0.5) / tokens * window.frames for token in range(tokens))
    return [geometry.seconds(window.start_frame + span) for span in spans]


def _batches(
    tokenizer: PromptTokenizer, prompts: Iterable[str], batch_size: int
) -> Iterator[list[str]]:
    """Prompts of equal T5 length, at most `batch_size` together, in a fixed order."""
    by_length: dict[int, list[str]] = {}
    for prompt in prompts:
        by_length.setdefault(len(tokenizer.ids(prompt)), []).append(prompt)
    for alike in by_length.values():
        for first in range(0, len(alike), batch_size):
            yield alike[first : first + batch_size]


@torch.inference_mode()
def _generate(model: Model, prompts: list[str]) -> Tensor:
    """LOA (B, 8, D) of prompts of equal T5 length, float32 on the CPU.

    GPT-2 reads the projected text embeddings between learned start and end tokens; then, eight
    times, its last hidden state is both a LOA token and the next input.
    """
    clap, t5 = _clap_features(model, prompts), _t5_states(model, prompts)
    inputs = model.projection_model(hidden_states=clap, hidden_states_1=t5).hidden_states
    cache, tokens = None, []
    for _ in range(model.loa_tokens):
        output = model.language_model(inputs_embeds=inputs, past_key_values=cache, use_cache=True)
        cache, inputs = output.past_key_values, output.last_hidden_state[:, -1:]
        tokens.append(inputs)
    return torch.cat(tokens, dim=1).float().cpu()


@torch.inference_mode()
def _clap_features(model: Model, prompts: list[str]) -> Tensor:
    """CLAP text embeddings (B, 1, 512) of length 1.

    The stock pipeline pads each prompt to 512 tokens and masks them out; padding only as far as
    the batch needs gives the same embedding for a twentieth of the work.
    """
    rows = [model.tokenizer.ids(prompt) for prompt in prompts]
    longest = max(map(len, rows))
    padding = [longest - len(row) for row in rows]
    pad = model.tokenizer.pad_id
    ids = [row + [pad] * more for row, more in zip(rows, padding, strict=True)]
    mask = [[1] * len(row) + [0] * more for row, more in zip(rows, padding, strict=True)]
    output = model.text_encoder(
        input_ids=torch.tensor(ids, device=model.device),
        attention_mask=torch.tensor(mask, device=model.device),
    )
    return torch.nn.functional.normalize(output.text_embeds, dim=-1)[:, None]


@torch.inference_mode()
def _t5_states(model: Model, prompts: list[str]) -> Tensor:
    """T5 states (B, L, Dt) of prompts of equal length."""
    ids = torch.tensor([model.tokenizer_2.ids(prompt) for prompt in prompts], device=model.device)
    states: Tensor = model.text_encoder_2(input_ids=ids).last_hidden_state
    return states
