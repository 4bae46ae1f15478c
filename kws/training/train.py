"""Training: a recipe and a corpus become a run folder that describes itself.

RUN/recipe.toml      the recipe, as given
RUN/run.json         code revision, versions, machine, data, duration
RUN/history.json     loss and accuracy of every epoch
RUN/checkpoint.keras the network after the last whole epoch, while it is trained
RUN/encoder.keras    the pretrained encoder (encoder-checkpoint.keras: while it is trained)
RUN/model.keras      the trained network: log-mel features to class probabilities
"""

import json
import time
from pathlib import Path

import keras
import numpy as np

from kws import networks, recipe
from kws.datasets.clips import ClipSet
from kws.datasets.features import AugmentedFeatures
from kws.labels import label_names
from kws.networks.layers import SpecAugment
from kws.recipe import Recipe
from kws.structured.compression import initialise_from
from kws.training.callbacks import Checkpoint, EpochReport
from kws.training.dataset import Corpus, Epochs, augmented, features_of
from kws.training.encoder import pretrain_encoder
from kws.training.fit import JIT_COMPILE, ArrayBatches, fit
from kws.training.interpolation import interpolate
from kws.training.logit_adjustment import LogitAdjustment
from kws.training.optimizer import StructuredAdamW, cosine, generators_of
from kws.training.run_folder import (
    CHECKPOINT,
    DESCRIPTION,
    ENCODER,
    NETWORK,
    load_network,
    read_history,
    read_network,
    save_network,
    trained_file,
)
from kws.utils.console import note
from kws.utils.errors import KwsError
from kws.utils.files import write_text
from kws.utils.provenance import provenance


def train(run: Path, corpus: Corpus) -> keras.Model:
    """Train by the recipe in a run folder, or go on where that training was stopped.

    Returns the trained network. Raises KwsError if the corpus does not fit the recipe.
    """
    plan, _ = recipe.load(run)
    if (run / NETWORK).exists():
        return load_network(run)
    started = time.time()
    variations = augmented(plan, corpus)
    history = read_history(run)
    if (run / CHECKPOINT).exists() and history:
        model = read_network(run / CHECKPOINT)
        note(f"going on after epoch {len(history)}")
    else:
        history = []
        model = _compiled(plan, _initial_network(plan, run, corpus, variations), variations)
    _fit(model, plan, variations, corpus.validation, [Checkpoint(run, history)], len(history))
    network = _trained(model)
    if plan.training.encoder_interpolation:
        note("interpolating the encoder, training its head again")
        network = interpolate(network, read_network(run / ENCODER), variations, plan)
    save_network(network, run / NETWORK)
    description = {
        **provenance(),
        "data": corpus.name,
        "clips": {"training": len(corpus.training), "validation": len(corpus.validation)},
        "parameters": network.count_params(),
        "seconds_of_the_last_session": round(time.time() - started, 1),
    }
    write_text(run / DESCRIPTION, json.dumps(description, indent=1) + "\n")
    (run / CHECKPOINT).unlink(missing_ok=True)
    return network


def fine_tune(
    network: keras.Model, plan: Recipe, variations: AugmentedFeatures, validation: ClipSet
) -> None:
    """Train an existing network by the recipe's schedule, in place."""
    _fit(_compiled(plan, network, variations), plan, variations, validation)


def _initial_network(
    plan: Recipe, run: Path, corpus: Corpus, variations: AugmentedFeatures
) -> keras.Model:
    """The network that a training begins with."""
    keras.utils.set_random_seed(plan.training.seed)
    network = networks.build(plan.network, plan.shape, len(label_names(plan.data.words)))
    if plan.training.init_from:
        trained = read_network(trained_file(plan.training.init_from, "init_from"))
        try:
            initialise_from(network, trained)
        except ValueError as error:
            raise KwsError(f"training: init_from: {error}", 2) from error
    if plan.training.encoder_epochs:
        pretrain_encoder(network, run, plan, corpus, variations)
        # So that it makes no difference whether the encoder was trained now or before.
        keras.utils.set_random_seed(plan.training.seed)
    return network


def _fit(
    model: keras.Model,
    plan: Recipe,
    variations: AugmentedFeatures,
    validation: ClipSet,
    callbacks=(),
    done: int = 0,
) -> None:
    """Train from epoch ``done`` on; in the end the model has the averaged weights."""
    schedule = plan.training
    classes = len(label_names(plan.data.words))
    targets = np.eye(classes, dtype=np.float32)[validation.labels]
    inputs = features_of(plan, validation)
    if schedule.logit_adjustment:
        inputs = inputs, np.zeros_like(targets)
    if schedule.ema_momentum > 0:
        callbacks = [keras.callbacks.SwapEMAWeights(swap_on_epoch=False), *callbacks]
    fit(
        model,
        Epochs(plan, variations, done),
        ArrayBatches(inputs, targets, schedule.batch),
        initial_epoch=done,
        epochs=schedule.epochs,
        callbacks=[EpochReport(schedule.epochs), *callbacks],
    )
    if schedule.ema_momentum > 0:
        model.optimizer.finalize_variable_values(model.trainable_variables)


def _compiled(plan: Recipe, network: keras.Model, variations: AugmentedFeatures) -> keras.Model:
    """A model that masks features and gives them to the network, compiled."""
    features = keras.Input(network.input_shape[1:], name="features")
    masked = SpecAugment(
        round(plan.augment.time_mask_ms / plan.frontend.hop_ms),
        plan.augment.band_mask,
        seed=plan.training.seed,
        name="spec_augment",
    )(features)
    schedule = plan.training
    inputs, scores = features, network(masked)
    if schedule.logit_adjustment:
        priors = keras.Input(network.output_shape[1:], name="priors")
        inputs, scores = [features, priors], LogitAdjustment()(scores, priors)
    model = keras.Model(inputs, scores)
    steps = -(-len(variations[0][1]) // schedule.batch)
    model.compile(
        StructuredAdamW(
            cosine(schedule.learning_rate, steps * schedule.epochs, warmup=steps),
            generators=generators_of(network),
            generator_rate=schedule.generator_rate,
            weight_decay=1e-3,
            use_ema=schedule.ema_momentum > 0,
            ema_momentum=schedule.ema_momentum or 0.99,
        ),
        keras.losses.CategoricalCrossentropy(),
        metrics=["accuracy"],
        jit_compile=JIT_COMPILE,
    )
    return model


def _trained(model: keras.Model) -> keras.Model:
    """The network inside a model made by ``_compiled``."""
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))
