"""What a network is trained and validated on: the corpus of a recipe, and its epochs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws import audio
from kws.datasets import clips
from kws.datasets.features import AugmentedFeatures, with_silence
from kws.datasets.negatives import add_negatives, cut_negatives
from kws.datasets.noise import Noise
from kws.frontend.keras_layer import LogMel
from kws.labels import label_names
from kws.recipe import Recipe
from kws.synthesis.corpus import completed
from kws.training.distillation import teacher_probabilities
from kws.training.fit import ArrayBatches
from kws.training.logit_adjustment import log_priors
from kws.training.run_folder import trained_file
from kws.utils.console import Progress, note
from kws.utils.errors import KwsError


@dataclass(frozen=True)
class Corpus:
    """The clips of a recipe, read once for training, evaluation and export.

    name: of the clips' folder. validation: the validation clips, and silence. noise: what
    augmentation adds.
    """

    name: str
    training: clips.ClipSet
    validation: clips.ClipSet
    noise: Noise


def load_corpus(plan: Recipe, data: Path | None = None, noise: Path | None = None) -> Corpus:
    """Read the corpus of a recipe.

    data, noise: folders to use instead of the recipe's. Raises KwsError if a folder is missing, or
    has no clips of one of the words or of one of the splits.
    """
    data = data_folder(plan, data)
    name, summaries = data.name, []
    if plan.data.synthetic:
        data, summaries = completed(data, plan.data.synthetic, plan.data.words)
    found = clips.scan(data)
    present = {clip.word for clip in found}
    for word in plan.data.words:
        if word not in present:
            raise KwsError(f"{data}: has no folder of clips for the word {word!r}", 2)
    found = found.of_splits("training", "validation")
    own = data / clips.NOISE
    bank = Noise(noise or plan.data.noise or (own if own.is_dir() else None))
    parts = {}
    for split in ("training", "validation"):
        chosen = [clip for clip in found if clip.split == split]
        with Progress(f"{split} clips decoded") as progress:
            parts[split] = clips.load(chosen, plan.data.words, plan.samples, progress)
    surveys = [found, bank.survey]
    if plan.data.negatives:
        surveys.append(audio.survey(Path(plan.data.negatives).expanduser()))
        cut = cut_negatives(surveys[-1], plan.data.words, plan.samples)
        parts["training"] = add_negatives(parts["training"], cut)
    for line in [*summaries, *(survey.summary() for survey in surveys if survey)]:
        note(line)
    validation = with_silence(parts["validation"], plan.data.words, bank, seed=0)
    return Corpus(name, parts["training"], validation, bank)


def data_folder(plan: Recipe, chosen: Path | None) -> Path:
    """Where the clips are: the folder that was chosen, or else the recipe's."""
    if not (chosen or plan.data.folder):
        raise KwsError("the recipe names no data; say where the clips are: --data DIR", 2)
    return Path(chosen or plan.data.folder)


def augmented(plan: Recipe, corpus: Corpus) -> AugmentedFeatures:
    """As many variations of the training clips as the recipe says, at most one an epoch."""
    count = min(plan.augment.variations, plan.training.epochs)
    return AugmentedFeatures(
        corpus.training, plan.data, plan.augment, plan.frontend, corpus.noise, count
    )


def some_features(plan: Recipe, data: Path | None, count: int) -> np.ndarray:
    """Features float32 (count, frames, bands) of training clips spread over the words."""
    folder = data_folder(plan, data)
    found = clips.scan(folder).of_splits("training")
    chosen = [found[k] for k in np.linspace(0, len(found) - 1, min(count, len(found))).astype(int)]
    features = np.stack(
        [plan.frontend.features(clips.fit(audio.read(c.path), plan.samples)) for c in chosen]
    )
    spare = len(found) - len(chosen)
    left_out = {**found.left_out, **({"not needed": spare} if spare else {})}
    note(clips.Scan(folder, chosen, left_out).summary())
    return features


def features_of(plan: Recipe, chosen: clips.ClipSet) -> np.ndarray:
    """Features float32 (clips, frames, bands) of clips without augmentation."""
    log_mel = LogMel(plan.frontend)
    parts = range(0, len(chosen), 256)
    return np.concatenate(
        [np.asarray(log_mel(audio.from_int16(chosen.samples[k : k + 256]))) for k in parts]
    )


class Epochs(ArrayBatches):
    """The epochs of a recipe: (features (batch, frames, bands), targets (batch, classes)).

    Each epoch takes the next of the variations. With logit adjustment the inputs are (features,
    log priors (batch, classes)). An epoch depends only on the recipe and its number, so that a
    training that was stopped goes on with the same batches.
    """

    def __init__(self, plan: Recipe, variations: AugmentedFeatures, epoch: int = 0):
        schedule = plan.training
        self._plan, self._variations = plan, variations
        self._teacher = schedule.teacher and trained_file(schedule.teacher, "teacher")
        super().__init__(None, None, schedule.batch, schedule.seed, epoch)

    def _start(self, epoch: int) -> None:
        schedule, k = self._plan.training, epoch % self._variations.count
        self._inputs, labels = self._variations[k]
        classes = len(label_names(self._plan.data.words))
        smoothing = schedule.label_smoothing
        targets = np.eye(classes, dtype=np.float32)[labels] * (1 - smoothing) + smoothing / classes
        if self._teacher:
            soft = teacher_probabilities(self._variations, self._teacher, k)
            targets = (1 - schedule.teacher_weight) * targets + schedule.teacher_weight * soft
        self._targets = targets
        if schedule.logit_adjustment:
            priors = log_priors(labels, self._variations.synthetic(k), classes)
            self._inputs = self._inputs, schedule.logit_adjustment * priors
        super()._start(epoch)
