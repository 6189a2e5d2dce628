"""Latents to sound: chunks of an absolute grid, and vocoder pieces that equal the whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ambientgen.engine import LocalEngine
from ambientgen.models.loading import Model
from ambientgen.models.vocoder import TextureVocoder
from ambientgen.waveform import Chunk, chunked, decode

FloatArray = NDArray[np.float32]


def _cut(values: FloatArray, lengths: list[int]) -> Iterator[FloatArray]:
    start = 0
    for length in [*lengths, values.shape[1]]:
        yield values[:, start : start + length]
        start += length


@given(
    frames=st.integers(1, 90),
    lengths=st.lists(st.integers(1, 30), max_size=8),
    core=st.integers(1, 20),
    before=st.integers(0, 12),
    after=st.integers(0, 12),
)
def test_chunks_hold_the_stream_at_their_absolute_places(
    frames: int, lengths: list[int], core: int, before: int, after: int
) -> None:
    values = np.arange(frames, dtype=np.float32)[None]
    chunks = list(chunked(_cut(values, lengths), core, before, after))
    assert [chunk.start for chunk in chunks] == list(range(0, frames, core))
    for chunk in chunks:
        assert chunk.lead == min(before, chunk.start)
        last = min(frames, chunk.start + core + after)
        expected = np.arange(chunk.start - chunk.lead, last)
        np.testing.assert_array_equal(chunk.values[0], expected)
        assert chunk.frames == last - chunk.start


def test_chunks_of_no_stream_are_none() -> None:
    assert list(chunked([], 4, 1, 1)) == []


@pytest.fixture
def vocoder() -> TextureVocoder:
    """A small texture vocoder with weights large enough that tones and gains are heard."""
    torch.manual_seed(3)
    network = TextureVocoder(width=16, depth=6)
    torch.nn.init.normal_(network.head.weight, std=0.05)
    network.spread.copy_(torch.rand(network.spread.shape) / 100)
    network.phase.copy_(torch.rand(network.phase.shape))
    return network.eval().requires_grad_(False)


@given(start=st.integers(0, 12), frames=st.integers(1, 40))
def test_a_vocoder_piece_with_context_equals_the_whole(start: int, frames: int) -> None:
    torch.manual_seed(3)
    network = TextureVocoder(width=16, depth=6)
    torch.nn.init.normal_(network.head.weight, std=0.05)
    network.spread.copy_(torch.rand(network.spread.shape) / 100)
    first = 16 * start  # the tones' period
    mel, noise = torch.randn(1, 320, 64), torch.randn(1, 320 * 160)
    with torch.no_grad():
        whole = network(mel, noise)[0]
        low, high = max(0, first - 32), min(320, first + frames + 32)
        piece = network(mel[:, low:high], noise[:, low * 160 : high * 160])[0]
    cut = piece[(first - low) * 160 : (first - low + frames) * 160]
    torch.testing.assert_close(cut, whole[first * 160 : (first + frames) * 160], atol=1e-4, rtol=0)


def test_hifigan_pieces_equal_the_whole(hub_model: Model) -> None:
    mel = torch.randn(1, 200, 64)
    with torch.no_grad():
        whole = hub_model.vocoder(mel).reshape(-1)
        piece = hub_model.vocoder(mel[:, 32:128]).reshape(-1)
    torch.testing.assert_close(
        piece[32 * 160 : 64 * 160], whole[64 * 160 : 96 * 160], atol=1e-4, rtol=0
    )


def test_a_constant_mel_does_not_buzz(vocoder: TextureVocoder) -> None:
    """No period at the mel hop: the noise never repeats, as HiFi-GAN's constant output does."""
    torch.nn.init.zeros_(vocoder.head.weight)
    with torch.no_grad():
        audio = vocoder(torch.full((1, 400, 64), -4.0))[0, 8000:-8000]
    centred = audio - audio.mean()
    repeat = (centred[160:] * centred[:-160]).mean() / centred.square().mean()
    assert abs(float(repeat)) < 0.05


def _latents(model: Model, frames: int) -> FloatArray:
    rows = model.geometry.latent_channels * model.geometry.latent_bins
    return np.random.default_rng(0).standard_normal((rows, frames)).astype(np.float32)


def _decoded(model: Model, latents: FloatArray, lengths: list[int], workers: int) -> FloatArray:
    with LocalEngine(workers) as engine:
        return np.concatenate(list(decode(model, _cut(latents, lengths), 5, engine)))


def test_decoding_does_not_depend_on_blocks_or_workers(hub_model: Model) -> None:
    latents = _latents(hub_model, 300)
    one = _decoded(hub_model, latents, [], 1)
    other = _decoded(hub_model, latents, [7, 100, 1, 90], 3)
    assert len(one) == 300 * hub_model.geometry.samples_per_frame
    np.testing.assert_array_equal(one, other)


def test_a_longer_stream_begins_like_a_shorter_one(hub_model: Model) -> None:
    """Samples more than a chunk before the end are settled: what follows cannot change them."""
    latents = _latents(hub_model, 320)
    short = _decoded(hub_model, latents[:, :280], [], 1)
    whole = _decoded(hub_model, latents, [], 1)
    settled = 60 * hub_model.geometry.samples_per_frame
    np.testing.assert_array_equal(short[:settled], whole[:settled])


def test_chunk_is_frozen() -> None:
    chunk = Chunk(np.zeros((1, 1), np.float32), 0, 0, 1)
    with pytest.raises(AttributeError):
        chunk.start = 3  # type: ignore[misc]
