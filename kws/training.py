"""Training: a recipe and clips become a run folder that describes itself.

RUN/recipe.toml      the recipe, as given
RUN/run.json         code revision, versions, machine, data, how long it took
RUN/history.json     loss and accuracy of every epoch
RUN/checkpoint.keras where to go on; gone when the training is finished
RUN/ear.keras        what a listener's ear learned first (ear-checkpoint.keras: is learning)
RUN/model.keras      the trained network, log-mel features to class probabilities
"""

import json
import sys
import time
from pathlib import Path

import keras
import numpy as np

from kws import audio, ear, feeding, network_file, networks, recipe
from kws.corpus import clips, eked_out, negatives
from kws.corpus.batches import as_float, with_silence
from kws.corpus.embedding import SpeechEmbedding
from kws.corpus.noise import Noise
from kws.corpus.variations import Variations
from kws.errors import KwsError
from kws.files import write_text
from kws.frontend_keras import LogMel
from kws.networks import listener
from kws.optimizer import StructuredAdamW, generators_of
from kws.origins import Expecting, expectations
from kws.progress import EpochsTold, Progress
from kws.provenance import provenance
from kws.recipe import Recipe
from kws.run_folder import CHECKPOINT, DESCRIPTION, EAR, HISTORY, NETWORK
from kws.settling import settle
from kws.structured.compression import begin_as


def train(run: Path, data: Path | None = None, noise: Path | None = None) -> keras.Model:
    """Train what a run folder's recipe says, or go on where that was stopped.

    data, noise: folders of clips and of background noise, instead of the recipe's. Returns the
    trained network. Raises KwsError when the data do not fit the recipe.
    """
    plan, _ = recipe.load(run)
    if (run / NETWORK).exists():
        return load_network(run)
    started = time.time()
    training, validation, bank = load_corpus(plan, data, noise)
    variations = Variations(training, plan, bank)
    history = _read_history(run)
    if (run / CHECKPOINT).exists() and history:
        model = network_file.read(run / CHECKPOINT)
        print(f"going on after epoch {len(history)}", file=sys.stderr)
    else:
        history = []
        keras.utils.set_random_seed(plan.training.seed)
        network = networks.build(plan, len(clips.label_names(plan.data.words)))
        if plan.training.start:
            begin_as(network, network_file.read(_trained_file(plan.training.start, "start")))
        if plan.training.ear:
            _give_ear(network, run, plan, training, variations, bank)
            keras.utils.set_random_seed(plan.training.seed)  # whether it was trained or kept
        model = _compiled(plan, network, variations)
    _fit(model, plan, variations, validation, [_Checkpoint(run, history)], len(history))
    network = _trained(model)
    if plan.training.back:
        print("the ear goes back, its head is taught anew", file=sys.stderr)
        network = settle(network, network_file.read(run / EAR), variations, plan)
    network_file.save(network, run / NETWORK)
    description = {
        **provenance(),
        "data": Path(data or plan.data.folder).name,
        "clips": {"training": len(training), "validation": len(validation)},
        "parameters": network.count_params(),
        "seconds_of_the_last_session": round(time.time() - started, 1),
    }
    write_text(run / DESCRIPTION, json.dumps(description, indent=1) + "\n")
    (run / CHECKPOINT).unlink(missing_ok=True)
    return network


def load_corpus(plan: Recipe, data: Path | None, noise: Path | None):
    """Training clips, validation clips (with silence) and noise for a recipe.

    data, noise: instead of the recipe's folders.
    """
    data = data_folder(plan, data)
    if plan.data.synthetic:
        data = eked_out.kept(data, plan.data.synthetic, plan.data.words)
    found = clips.scan(data)
    present = {clip.word for clip in found}
    for word in plan.data.words:
        if word not in present:
            raise KwsError(f"{data}: has no folder of clips for the word {word!r}", 2)
    own = data / clips.NOISE
    bank = Noise(noise or plan.data.noise or (own if own.is_dir() else None))
    parts = {}
    for split in ("training", "validation"):
        chosen = [clip for clip in found if clip.split == split]
        if not chosen:
            raise KwsError(f"{data}: has no clips for {split}", 2)
        with Progress(f"{split} clips decoded") as progress:
            parts[split] = clips.load(chosen, plan.data.words, plan.samples, progress)
    if plan.data.negatives:
        cut = negatives.cut(plan.data.negatives, plan.data.words, plan.samples)
        parts["training"] = negatives.join(parts["training"], cut)
    validation = with_silence(parts["validation"], plan.data.words, bank, seed=0)
    return parts["training"], validation, bank


def some_features(plan: Recipe, data: Path | None, count: int) -> np.ndarray:
    """Features (count, frames, bands) of training clips spread over the words."""
    folder = data_folder(plan, data)
    found = [clip for clip in clips.scan(folder) if clip.split == "training"]
    chosen = [found[k] for k in np.linspace(0, len(found) - 1, min(count, len(found))).astype(int)]
    return np.stack(
        [plan.frontend.features(clips.fit(audio.read(c.path), plan.samples)) for c in chosen]
    )


def data_folder(plan: Recipe, chosen: Path | None) -> Path:
    """Where the clips are: the folder that was chosen, or the recipe's own."""
    if not (chosen or plan.data.folder):
        raise KwsError("the recipe names no data; say where the clips are: --data DIR", 2)
    return Path(chosen or plan.data.folder)


def load_network(run: Path) -> keras.Model:
    """The trained network of a run folder."""
    if not (run / NETWORK).exists():
        raise KwsError(f"{run}: holds no finished training ({NETWORK}); run 'kws train' first", 2)
    return network_file.read(run / NETWORK)


def go_on(
    network: keras.Model, plan: Recipe, variations: Variations, validation: clips.ClipSet
) -> None:
    """Train a network that is there by the recipe's schedule, in place."""
    _fit(_compiled(plan, network, variations), plan, variations, validation)


def teacher_file(plan: Recipe) -> Path | None:
    """The .keras file of the recipe's teacher. Raises KwsError if it is not there."""
    return _trained_file(plan.training.teacher, "teacher") if plan.training.teacher else None


def _trained_file(named: str, role: str) -> Path:
    path = Path(named)
    path = path / NETWORK if path.is_dir() else path
    if not path.is_file():
        raise KwsError(f"{path}: the recipe's {role} is not there; train it first", 2)
    return path


def features_of(plan: Recipe, chosen: clips.ClipSet) -> np.ndarray:
    """Features float32 (clips, frames, bands) of clips as they are."""
    log_mel = LogMel(plan.frontend)
    parts = range(0, len(chosen), 256)
    return np.concatenate(
        [np.asarray(log_mel(as_float(chosen.samples[k : k + 256]))) for k in parts]
    )


class Epochs(keras.utils.PyDataset):
    """The recipe's epochs over the variations: (features (batch, frames, bands), targets);
    beside the features what is expected, where the recipe has that.

    What an epoch holds depends on the recipe and its number alone, so that a training that was
    stopped goes on as if it had not been.
    """

    def __init__(self, plan: Recipe, variations: Variations, epoch: int = 0):
        super().__init__()
        self._plan, self._variations, self._epoch = plan, variations, epoch
        self._teacher = teacher_file(plan)
        self._start()

    def __len__(self) -> int:
        return -(-len(self._order) // self._plan.training.batch)

    def __getitem__(self, index: int):
        batch = self._plan.training.batch
        chosen = self._order[index * batch : (index + 1) * batch]
        inputs, targets = self._features[chosen].astype(np.float32), self._targets[chosen]
        if self._expected is not None:
            inputs = inputs, self._expected[chosen]
        return inputs, targets

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._start()

    def _start(self) -> None:
        plan, k = self._plan.training, self._epoch % self._variations.count
        self._features, labels = self._variations[k]
        classes = len(clips.label_names(self._plan.data.words))
        spread = plan.label_smoothing
        targets = np.eye(classes, dtype=np.float32)[labels] * (1 - spread) + spread / classes
        if self._teacher:
            answers = self._variations.answers(self._teacher, k)
            targets = (1 - plan.taught) * targets + plan.taught * answers
        self._targets = targets
        self._expected = None
        if plan.expected:
            told = expectations(labels, self._variations.synthetic(k), classes)
            self._expected = plan.expected * told
        self._order = np.random.default_rng([plan.seed, self._epoch]).permutation(len(labels))


def _give_ear(
    network: keras.Model,
    run: Path,
    plan: Recipe,
    chosen: clips.ClipSet,
    variations: Variations,
    noise: Noise,
) -> None:
    """A listener's ear learns from the clips, or is taken from RUN/ear.keras, where it is kept."""
    path = run / EAR
    if path.exists():
        trained = network_file.read(path)
    else:
        with Progress("clips heard") as progress:
            heard = ear.of_clips(as_float(chosen.samples), plan, SpeechEmbedding(), progress)
        trained = ear.train(plan, heard, noise, run, EpochsTold(plan.training.ear))
    ear.give(network, trained)
    described = listener.front(network)
    # As in the training that follows, where batch normalisation goes by the batch.
    told = described(variations[0][0][:512].astype(np.float32), training=True)
    ear.denormalise(network.get_layer("narrow"), *ear.spread(keras.ops.convert_to_numpy(told)))


def _fit(
    model: keras.Model,
    plan: Recipe,
    variations: Variations,
    validation: clips.ClipSet,
    callbacks=(),
    done: int = 0,
) -> None:
    """Train from epoch ``done`` on; the averaged weights are the model's in the end."""
    epochs = plan.training.epochs
    classes = len(clips.label_names(plan.data.words))
    wanted = np.eye(classes, dtype=np.float32)[validation.labels]
    heard = features_of(plan, validation)
    if plan.training.expected:
        heard = heard, np.zeros_like(wanted)
    if plan.training.averaging > 0:
        callbacks = [keras.callbacks.SwapEMAWeights(swap_on_epoch=False), *callbacks]
    feeding.fit(
        model,
        Epochs(plan, variations, done),
        feeding.Arrays(heard, wanted, plan.training.batch),
        initial_epoch=done,
        epochs=epochs,
        callbacks=[_EpochReport(epochs), *callbacks],
    )
    if plan.training.averaging > 0:
        model.optimizer.finalize_variable_values(model.trainable_variables)


def _compiled(plan: Recipe, network: keras.Model, variations: Variations) -> keras.Model:
    """The network behind masks, ready to be trained."""
    features = keras.Input(network.input_shape[1:], name="features")
    masked = networks.SpecAugment(
        round(plan.augment.time_mask_ms / plan.frontend.hop_ms),
        plan.augment.band_mask,
        seed=plan.training.seed,
        name="spec_augment",
    )(features)
    schedule = plan.training
    inputs, scores = features, network(masked)
    if schedule.expected:
        expected = keras.Input(network.output_shape[1:], name="expected")
        inputs, scores = [features, expected], Expecting()(scores, expected)
    model = keras.Model(inputs, scores)
    steps = -(-len(variations[0][1]) // schedule.batch)
    warmup = round(steps * schedule.warmup_epochs)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        max(1, steps * schedule.epochs - warmup),
        warmup_target=schedule.learning_rate,
        warmup_steps=warmup,
    )
    model.compile(
        StructuredAdamW(
            rate,
            generators=generators_of(network),
            generator_rate=schedule.generator_rate,
            weight_decay=schedule.weight_decay,
            use_ema=schedule.averaging > 0,
            ema_momentum=schedule.averaging or 0.99,
        ),
        keras.losses.CategoricalCrossentropy(),
        metrics=["accuracy"],
        # XLA has no fast depthwise convolution on a CPU: 52 s an epoch against 7 s without.
        jit_compile=keras.backend.backend() != "tensorflow",
    )
    return model


def _trained(model: keras.Model) -> keras.Model:
    """The network out of the model that was trained."""
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


class _Checkpoint(keras.callbacks.Callback):
    """After every epoch: the history, then the whole model with its optimiser."""

    def __init__(self, run: Path, history: list[dict]):
        super().__init__()
        self._run, self._history = run, history

    def on_epoch_end(self, epoch, logs=None):
        self._history.append({k: round(float(value), 5) for k, value in logs.items()})
        network_file.save(self.model, self._run / CHECKPOINT)
        write_text(self._run / HISTORY, json.dumps(self._history, indent=1) + "\n")


class _EpochReport(keras.callbacks.Callback):
    """A line an epoch, with a running count on a terminal."""

    def __init__(self, epochs: int):
        super().__init__()
        self._epochs, self._terminal = epochs, sys.stderr.isatty()
        self._spent: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        if self._terminal:
            done = 20 * (batch + 1) // self.params["steps"]
            print(f"\r  {'━' * done:<20} {batch + 1}", end="", file=sys.stderr, flush=True)

    def on_epoch_end(self, epoch, logs=None):
        self._spent.append(time.monotonic() - self._began)
        latest = self._spent[-3:]
        left = (self._epochs - epoch - 1) * sum(latest) / len(latest)
        shown = {"loss": "{:.3f}", "accuracy": "{:6.1%}", "val_accuracy": "{:6.1%}"}
        figures = "".join(
            f"  {name.replace('val_accuracy', 'validation')} {shown[name].format(logs[name])}"
            for name in shown
            if name in logs
        )
        print(
            "\r" * self._terminal + f"epoch {epoch + 1:3}/{self._epochs}{figures}"
            f"  {self._spent[-1]:4.1f} s, {left / 60:.1f} min left",
            file=sys.stderr,
            flush=True,
        )


def _read_history(run: Path) -> list[dict]:
    path = run / HISTORY
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
