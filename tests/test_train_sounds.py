"""What stages that need no words learn from: recordings and textures, in their shares."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ambientgen.training import calls, recorded, unet
from ambientgen.training.corpus import NAMES, Corpus
from ambientgen.training.mel import MEL_BINS
from ambientgen.training.order import with_steps
from ambientgen.training.recipe import parse_recipe
from ambientgen.training.recordings import Recordings
from ambientgen.training.stages import SMALL, Run, Setting
from ambientgen.training.stems import CLIP_FRAMES, Stems
from ambientgen.training.unet import LoaBank

RECIPE = """\
from: pocket
synth: {stems: 1, clips: 6}
recordings: {share: SHARE}
stages: {unet: {steps: 1}}
"""


def recordings(count: int) -> Recordings:
    """So many clips, of which each says its number, from 1, in all its samples."""
    numbers = np.arange(1, count + 1, dtype=np.float16)
    audio = np.broadcast_to(numbers[:, None], (count, 4))
    mels = np.broadcast_to(numbers[:, None, None], (count, 1, MEL_BINS))
    return Recordings(audio, mels, (("x",),) * count, ("x",) * count, ("x",), ())


def run_of(textures: int, own: int, share: float, work: Path) -> Run:
    """A training with so many stems of textures and as many mixtures, of which each is 0
    throughout, and recordings."""
    names = np.array([NAMES[i % len(NAMES)] for i in range(textures)])
    nothing = np.zeros((textures, CLIP_FRAMES), np.float16)
    untold = np.array([""] * textures)
    states = np.zeros((textures, len(NAMES), 1), np.float16)
    text = RECIPE.replace("SHARE", str(share)).replace("stems: 1", f"stems: {min(textures, 1)}")
    run = Run(parse_recipe(text.encode(), "r.yaml"), Setting(work, work))
    run.__dict__ |= {
        "stems": Stems(nothing[:, :4], nothing, names, untold) if textures else None,
        "corpus": Corpus(np.zeros((textures, 1, MEL_BINS), np.float16), states, untold, untold),
        "recordings": recordings(own),
    }
    return run


def heard(run: Run) -> list[list[int]]:
    """The number of each clip that is heard: as mels, and as sound."""
    stems = run._audible()
    assert len(stems.names) == len(stems.kinds) == len(stems.curves) == len(stems.audio)
    return [run.sounds.mels[:, 0, 0].astype(int).tolist(), stems.audio[:, 0].astype(int).tolist()]


@pytest.mark.parametrize(
    ("share", "textures", "own"),
    [(0.0, 60, 40), (0.1, 60, 200), (0.5, 60, 200), (0.5, 60, 7), (0.9, 60, 100), (0.02, 60, 5)],
)
def test_recordings_have_their_share_of_what_is_heard(
    share: float, textures: int, own: int, tmp_path: Path
) -> None:
    for clips in heard(run_of(textures, own, share, tmp_path)):
        assert clips[:textures] == [0] * textures
        assert (len(clips) - textures) / len(clips) == pytest.approx(share, abs=0.01)
        times = [clips.count(number) for number in range(1, own + 1)]
        assert sum(times) == len(clips) - textures
        assert max(times) - min(times) <= 1, "each as often as the others"


def test_recordings_that_are_heard_are_of_all_kinds(tmp_path: Path) -> None:
    """They are kept in the order of their names: the first of these alone would be heard."""
    for clips in heard(run_of(40, 200, 0.5, tmp_path)):
        places = np.histogram(clips[40:], bins=4, range=(1, 200))[0]
        assert places.sum() == 40 and places.min() >= 5


def test_the_choice_is_always_the_same(tmp_path: Path) -> None:
    one, other = (heard(run_of(60, 200, 0.4, tmp_path / name)) for name in "ab")
    assert one == other


@pytest.mark.parametrize(("textures", "share"), [(0, 0.3), (60, 1)])
def test_without_textures_all_recordings_are_heard_under_every_name(
    textures: int, share: float, tmp_path: Path
) -> None:
    run = run_of(textures, 7, share, tmp_path)
    mels, sounds = heard(run)
    assert sorted(mels) == list(range(1, 8)) and set(sounds) == set(range(1, 8))
    assert set(run._audible().names) == set(NAMES)


def test_an_older_work_folder_does_not_go_on_with_the_old_choice(tmp_path: Path) -> None:
    """What older versions had kept under these names."""
    for name in ("vocoder.npy", "sounds.npy"):
        np.save(tmp_path / name, np.full((60, 4, MEL_BINS), 99, np.float16))
    for clips in heard(run_of(60, 60, 0.5, tmp_path)):
        assert set(clips) == set(range(61))


def test_calls_are_foretold_where_the_unet_hears_recordings_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And there are many textures: nothing is foretold of their prompts then."""
    banks: list[LoaBank] = []

    def trainer(*parts: Any, **_: Any) -> Any:
        def of(clips: Any, latents: Any, bank: LoaBank) -> Any:
            banks.append(bank)
            return made

        made = SimpleNamespace(bank=parts[-1], batch=None, of=of)
        return made

    foretold = LoaBank({(): range(1)}, torch.zeros(1))
    monkeypatch.setattr(recorded, "RecordedTrainer", trainer)
    monkeypatch.setattr(recorded, "predicted_loa", lambda *_: {})
    monkeypatch.setattr(recorded, "bank_of", lambda *_: foretold)
    monkeypatch.setattr(unet, "latents_of", lambda *_: (torch.zeros(0), 1.0))
    monkeypatch.setattr(calls, "single_calls", lambda *_: None)
    monkeypatch.setattr(calls, "no_single_call", lambda *_: None)
    monkeypatch.setattr(calls, "train", lambda *_: nn.Linear(1, 1))
    monkeypatch.setattr("ambientgen.training.stages.replace", lambda made, **_: made)
    text = RECIPE.replace("SHARE", "1")
    recipe = with_steps(parse_recipe(text.encode(), "r.yaml"), ["calls=1"])
    run = Run(recipe, Setting(tmp_path, tmp_path))
    network = nn.Linear(1, 1)
    run.__dict__ |= dict.fromkeys(("vae", "mae", "clap", "meaning", "few"), network) | {
        "stems": SimpleNamespace(),
        "corpus": SimpleNamespace(mels=range(SMALL + 1)),
        "recordings": recordings(1),
        "tokenizers": (None, None),
        "latents": (torch.zeros(0), 1.0),
    }
    assert run.calls is not network
    assert banks == [foretold]
