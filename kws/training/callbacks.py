"""What happens after every epoch: a line for the user, and a checkpoint to go on from."""

import json
import sys
import time
from pathlib import Path

import keras

from kws.training.run_folder import CHECKPOINT, HISTORY, save_network
from kws.utils.files import write_text

_SHOWN = {"loss": "{:.3f}", "accuracy": "{:6.1%}", "val_accuracy": "{:6.1%}"}


class Checkpoint(keras.callbacks.Callback):
    """Keeps the history, and the whole model with its optimiser, in a run folder."""

    def __init__(self, run: Path, history: list[dict]):
        super().__init__()
        self._run, self._history = run, history

    def on_epoch_end(self, epoch, logs=None):
        self._history.append({k: round(float(value), 5) for k, value in logs.items()})
        save_network(self.model, self._run / CHECKPOINT)
        write_text(self._run / HISTORY, json.dumps(self._history, indent=1) + "\n")


class EpochReport(keras.callbacks.Callback):
    """Prints a line an epoch on standard error, with a running count if that is a terminal."""

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
        figures = "".join(
            f"  {name.replace('val_accuracy', 'validation')} {form.format(logs[name])}"
            for name, form in _SHOWN.items()
            if name in logs
        )
        print(
            "\r" * self._terminal + f"epoch {epoch + 1:3}/{self._epochs}{figures}"
            f"  {self._spent[-1]:4.1f} s, {left / 60:.1f} min left",
            file=sys.stderr,
            flush=True,
        )
