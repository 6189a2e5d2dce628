"""The stages of a training, each done when it is asked for and never twice.

Every stage keeps its result in the work folder: data beside it, networks as checkpoints in `run`,
from which a stopped training goes on. What a stage needs is asked for by name, so any one stage can
be trained alone: those below it are done first, or read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from diffusers.pipelines.audioldm2.modeling_audioldm2 import AudioLDM2UNet2DConditionModel
from torch import Tensor
from transformers import ClapModel, RobertaTokenizer, T5Tokenizer

from ambientgen.interrupts import not_in_workers
from ambientgen.messages import Listener, Notice, StageStarted, ignore
from ambientgen.models.vocoder import TextureVocoder
from ambientgen.training import (
    calls,
    decoding,
    few,
    language,
    mae,
    names,
    recorded,
    recordings,
    stems,
    unet,
    vae,
    vocoder,
)
from ambientgen.training import corpus as corpora
from ambientgen.training.around import Around, More, start_from, tell_misfits
from ambientgen.training.below import begin_anew
from ambientgen.training.captions import Heard
from ambientgen.training.corpus import Corpus
from ambientgen.training.devices import ONE_CPU, Devices
from ambientgen.training.examples import clap_features, loa_examples
from ambientgen.training.export import Components
from ambientgen.training.language import LoaExamples, Meaning
from ambientgen.training.loop import Schedule
from ambientgen.training.mae import LoaEncoder
from ambientgen.training.recipe import Recipe
from ambientgen.training.recordings import Recordings
from ambientgen.training.start import Start
from ambientgen.training.stems import Stems
from ambientgen.training.unet import LoaBank, UNetTrainer

# Seeds of the corpus: mixtures for all networks, for CLAP, for the vocoder, captions; recordings.
MIX_SEED, CLAP_SEED, VOCODER_SEED, CAPTION_SEED, TAKE_SEED = 1, 77, 10_000, 0, 21
DECODING_SEED = 3_000_000
_UNETS = ("vae", "mae", "clap", "meaning")  # stages that its latents, LOA and words come from
SMALL = 1000  # clips; of fewer, far from all prompts can be asked for


@dataclass(frozen=True)
class Setting:
    """Where a training happens: its work folder, a folder of recordings and a model to start from
    (or none), its devices, and who hears how it goes on. Folders that stand `apart` hold no
    recordings."""

    work: Path
    data: Path | None = None
    apart: tuple[Path, ...] = field(default=(), kw_only=True)
    start: Start | None = None
    devices: Devices = ONE_CPU
    tell: Listener = ignore


class Run:
    """One training: `recipe` carried out in `setting`. Raises what its stages raise."""

    def __init__(self, recipe: Recipe, setting: Setting) -> None:
        self.recipe, self.setting = recipe, setting
        self.folder = setting.work / "run"

    def train(self, stage: str) -> None:
        """Train one stage (a field of `recipe.Stages`), and what it needs first."""
        getattr(self, stage)

    # The data

    @cached_property
    def stems(self) -> Stems | None:
        """Single procedural textures; None where the recipe wants recordings alone."""
        if not self.recipe.synth.stems:
            return None
        self._begin("textures")
        with self.setting.devices.first(), not_in_workers():
            return stems.build(self.setting.work / "stems", self.recipe.synth.stems)

    @cached_property
    def recordings(self) -> Recordings | None:
        """The user's own sounds; None where there are none."""
        if self.setting.data is None:
            return None
        below = self.stems
        self._begin("recordings")
        folder, most = self.setting.work / "recordings", self.recipe.recordings.clips
        with self.setting.devices.first():
            apart = self.setting.apart
            made = recordings.build(self.setting.data, folder, below, most, TAKE_SEED, apart)
        for remark in made.remarks:
            self.setting.tell(Notice(str(remark)))
        return made

    @cached_property
    def corpus(self) -> Corpus:
        """Mixtures of textures; empty where there are none."""
        raw = self.stems
        if raw is None:
            return corpora.no_corpus()
        self._begin("corpus")
        with self.setting.devices.first():
            folder = self.setting.work / "corpus"
            names = [str(name) for name in raw.names]
            recipes = corpora.draw_recipes(names, self.recipe.synth.clips, MIX_SEED)
            return corpora.build(folder, raw, recipes)

    @cached_property
    def sounds(self) -> Corpus:
        """All there is to hear, textures and recordings, for stages that need no words."""
        own, other = self.corpus, self.recordings
        if other is None:
            return own
        with self.setting.devices.first():
            path = self.setting.work / "heard_mels.npy"
            return recorded.with_recordings(own, other, self._share(), path)

    # The networks, in the order they are trained in

    @cached_property
    def vae(self) -> AutoencoderKL:
        """The VAE."""
        sounds = self.sounds if self.recipe.stages.vae.steps else self.corpus
        return vae.train(sounds, self.folder, self._schedule("vae")).requires_grad_(False)

    @cached_property
    def mae(self) -> LoaEncoder:
        """The LOA encoder."""
        start = self.setting.start
        if self.recipe.stages.mae.steps or start is None:
            sounds = self.sounds
            return mae.train(sounds, self.folder, self._schedule("mae")).requires_grad_(False)
        # Kept: the autoencoder's other half, which a model folder does not hold, is of no use.
        torch.manual_seed(0)
        encoder = LoaEncoder().to(self.setting.devices.device)
        named = {key.removeprefix("loa."): v for key, v in start.weights["mae"].items()}
        tell_misfits("mae", start_from(encoder, named), self.setting.tell)
        return encoder.eval().requires_grad_(False)

    @cached_property
    def tokenizers(self) -> tuple[RobertaTokenizer, T5Tokenizer]:
        """CLAP's and T5's: those of the model to start from, with new words, or new ones."""
        own = self.recordings
        texts = [text for row in own.texts for text in row] if own else []
        start = self.setting.start
        if start is not None:
            return start.roberta(), start.t5(texts)
        sampled = language.sample_captions(self.recipe.synth.captions, CAPTION_SEED)
        if texts:
            share = self._share()
            wanted = share / (1 - share) * len(sampled) if share < 1 else 0.0
            # A word that occurs only twice is taken for chance.
            texts *= max(3, round(wanted / len(texts)))
        return language.new_tokenizers([*sampled, *texts])

    @cached_property
    def clap(self) -> ClapModel:
        """CLAP, both towers."""
        roberta, _ = self.tokenizers
        wanted, raw, own = self.recipe.stages.clap.steps, self.stems, self.recordings
        features, heard = np.zeros((1, 1001, 64), np.float16), [Heard({}, {})]
        count = self.recipe.synth.clap_clips
        more = None
        with self.setting.devices.first():
            if wanted and raw is not None and count:
                features, heard = clap_features(
                    raw, count, CLAP_SEED, self.setting.work / "clap.npz"
                )
            if wanted and own is not None:
                path = self.setting.work / "clap_recordings.npz"
                share = self._share() if raw is not None and count else 1.0
                most = max(count, self.recipe.recordings.clips // 2)
                more = recorded.clap_examples(own, roberta, most, path, share)
        schedule = self._schedule("clap", more)
        return language.train_clap(features, heard, roberta, self.folder, schedule).requires_grad_(
            False
        )

    @cached_property
    def meaning(self) -> Meaning:
        """T5 encoder, projection and GPT-2."""
        clap, (roberta, t5), encoder = self.clap, self.tokenizers, self.mae
        wanted, raw, own = self.recipe.stages.meaning.steps, self.stems, self.recordings
        examples = LoaExamples(np.zeros((1, 8, mae.WIDTH), np.float16), [Heard({}, {})])
        mixtures, more = self.corpus, None
        with self.setting.devices.first():
            if wanted and raw is not None:
                examples = loa_examples(mixtures, encoder, self.setting.work / "loa.npz")
            if wanted and own is not None:
                path = self.setting.work / "loa_recordings.npz"
                true = recorded.loa_of(own, encoder, path)
                share = self._share()
                more = recorded.meaning_examples(own, true, clap, (roberta, t5), share)
        schedule = self._schedule("meaning", more, ("mae", "clap"))
        trained = language.train_meaning(examples, clap, roberta, t5, self.folder, schedule)
        return trained.requires_grad_(False)

    @cached_property
    def vocoder(self) -> TextureVocoder:
        """The vocoder, for mels true and decoded."""
        autoencoder = self.vae
        raw = self._audible() if self.recipe.stages.vocoder.steps else stems.no_stems()
        schedule = self._schedule("vocoder", below=("vae",))
        return vocoder.train(raw, autoencoder, self.folder, schedule, VOCODER_SEED)

    @cached_property
    def decoding(self) -> tuple[AutoencoderKL, TextureVocoder]:
        """The VAE and the vocoder, trained on what is heard of both; with none of it, as they
        are."""
        both = self.vae, self.vocoder
        if not self.recipe.stages.decoding.steps:
            return both
        schedule = self._schedule("decoding", below=("vae", "vocoder"))
        return decoding.train(self._audible(), *both, self.folder, schedule, DECODING_SEED)

    @cached_property
    def unet(self) -> AudioLDM2UNet2DConditionModel:
        """The UNet, as v-prediction leaves it."""
        return self._examples.fit(self.folder, self._schedule("unet", below=_UNETS))

    @cached_property
    def few(self) -> AudioLDM2UNet2DConditionModel:
        """The UNet trained for few steps; with none of it, that UNet itself."""
        trained = self.unet
        if not self.recipe.stages.few.steps:
            return trained
        examples = self._examples
        labelled = examples.labelled if len(self.corpus.mels) > SMALL else None
        sounds = few.Sounds(examples.batch, labelled, self._decoded)
        schedule = self._schedule("few", below=_UNETS)
        self._begin_anew(names.NAME, ("vae",))
        return few.train(sounds, trained.state_dict(), self.folder, schedule)

    @cached_property
    def calls(self) -> AudioLDM2UNet2DConditionModel:
        """The UNet trained on single calls; with none of it, that UNet itself."""
        trained, raw = self.few, self.stems
        if raw is None or not self.recipe.stages.calls.steps:
            return trained
        examples, work = self._examples, self.setting.work
        autoencoder, scale = self.vae, self.latents[1]
        with self.setting.devices.first():
            single = calls.single_calls(work / "calls", raw)
            latents, _ = unet.latents_of(single, autoencoder, work / "latents_calls.pt", scale)
        # A small corpus has no bank of all prompts, nor has one whose UNet hears recordings alone.
        small = len(self.corpus.mels) <= SMALL or not examples.bank.rows
        alone = examples.of(single, latents, self._bank_of(single) if small else examples.bank)
        others = replace(examples, among=calls.no_single_call(self.corpus))
        sounds = calls.Sounds(alone.batch, others.batch, self._decoded)
        schedule = self._schedule("calls", below=_UNETS)
        return calls.train(sounds, trained.state_dict(), self.folder, schedule)

    def _decoded(self, made: Tensor) -> Tensor:
        """Log-mels of latents at unit variance."""
        mels: Tensor = self.vae.decode(made / self.latents[1]).sample[:, 0]
        return mels

    @cached_property
    def _examples(self) -> UNetTrainer:
        """What both of the UNet's stages draw their examples from."""
        meaning, clap, (roberta, t5) = self.meaning, self.clap, self.tokenizers
        latents, scale = self.latents
        steps, own, share = self.recipe.stages, self.recordings, self._share()
        wanted = steps.unet.steps or steps.few.steps or steps.calls.steps
        bank = LoaBank({}, torch.zeros(0))
        if wanted and share < 1:
            self._begin("prompts")
            if len(self.corpus.mels) > SMALL:
                bank = unet.build_bank(meaning, clap, roberta, t5)
            else:
                bank = self._bank_of(self.corpus)
        parts = (self.corpus, latents, self.mae, meaning, clap, roberta, t5, bank)
        if own is None:
            return UNetTrainer(*parts)
        texts = [text for row in own.texts for text in row] if wanted else []
        return recorded.RecordedTrainer(
            *parts,
            recordings=own,
            sounds=self._recorded_latents(own, scale),
            predicted=recorded.predicted_loa(texts, meaning, clap, roberta, t5),
            share=share,
        )

    def _bank_of(self, few_clips: Corpus) -> LoaBank:
        return recorded.bank_of(few_clips, self.meaning, self.clap, *self.tokenizers)

    # What lies between networks

    @cached_property
    def latents(self) -> tuple[Tensor, float]:
        """The corpus' latents at unit variance, and the factor that makes it so."""
        start, own = self.setting.start, self.recordings
        known = start.latent_scale if start is not None else None
        source = self.corpus
        if not len(source.mels):
            if known is None and own is not None:
                source = replace(source, mels=own.mels)
            else:
                return torch.zeros(0), known or 1.0
        autoencoder = self.vae
        self._begin("latents")
        with self.setting.devices.first():
            return unet.latents_of(source, autoencoder, self.setting.work / "latents.pt", known)

    def _recorded_latents(self, own: Recordings, scale: float) -> Tensor:
        autoencoder, source = self.vae, replace(self.corpus, mels=own.mels)
        path = self.setting.work / "latents_recordings.pt"
        with self.setting.devices.first():
            return unet.latents_of(source, autoencoder, path, scale)[0]

    def _audible(self) -> Stems:
        """What there is to hear, as stems."""
        raw, own = self.stems, self.recordings
        if own is None:
            assert raw is not None
            return raw
        with self.setting.devices.first():
            path = self.setting.work / "heard_audio.npy"
            return recorded.audible(raw, own, self._share(), path)

    @cached_property
    def components(self) -> Components:
        """All networks, trained."""
        network, (autoencoder, voice) = self.calls, self.decoding
        roberta, t5 = self.tokenizers
        return Components(
            self.clap, self.meaning, roberta, t5, network, autoencoder, voice, self.mae,
            self.latents[1],
        )  # fmt: skip

    def _schedule(
        self, stage: str, more: More | None = None, below: Sequence[str] = ()
    ) -> Schedule:
        """What the recipe says of a stage, and what surrounds it; that it begins is told. `below`
        are the stages whose networks it hears through: it begins anew when they have changed."""
        fields = getattr(self.recipe.stages, stage).model_dump()
        start, setting = self.setting.start, self.setting
        warm: Mapping[str, Tensor] | None = start.weights.get(stage) if start else None
        self._begin(stage)
        if fields["steps"]:
            self._begin_anew(stage, below)
        return Schedule(**fields, around=Around(warm, more, setting.tell, setting.devices))

    def _share(self) -> float:
        """Recordings' share of all examples."""
        if self.setting.data is None:
            return 0.0
        return self.recipe.recordings.share if self.recipe.synth.stems else 1.0

    def _begin_anew(self, stage: str, below: Sequence[str]) -> None:
        networks = {name: getattr(self, name) for name in below}
        begin_anew(stage, networks, self.folder, self.setting.tell, self.setting.devices)

    def _begin(self, stage: str) -> None:
        self.setting.tell(StageStarted(stage))
