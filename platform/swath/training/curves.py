"""How a training went: JSON, TensorBoard's files and a picture."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from swath.store import MissingKeyError, Store

HISTORY, EVENTS, PICTURE = "history.json", "tensorboard", "curves.png"
PRETRAINED = "pretrained.json"  # what of the weights to start from fitted
# Okabe and Ito's colours that all kinds of colour vision tell apart; lines differ in dash and mark too
_TRAIN, _VALIDATION, _FIGURES = "#0072b2", "#d55e00", ("#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES, _MARKS = ("-", "--", "-.", ":"), ("o", "s", "^", "D")
_NAMES = {
    "macro_f1": "macro-F1",
    "mean_iou": "mean IoU",
    "overall_accuracy": "overall accuracy",
    "balanced_accuracy": "balanced accuracy",
    "rmse": "RMSE",
    "mae": "MAE",
    "bias": "bias",
    "crps": "CRPS",
    "auc": "AUC",
    "tss": "TSS",
    "boyce": "Boyce index",
    "r2": "R²",
}


class Log:
    """Keeps the history of a training beside its checkpoints, an epoch at a time.

    Args:
        out: Store of the training.
        start: Epochs that are done; TensorBoard forgets what an earlier try wrote beyond them.
    """

    def __init__(self, out: Store, *, start: int = 0) -> None:
        self.out, self._start = out, start

    def write(self, history: Sequence[dict[str, Any]]) -> None:
        """Put the last epoch into the store.

        Args:
            history: All readings so far.
        """
        # tensorboardX takes most of a second to import
        from tensorboardX import SummaryWriter

        self.out.put_bytes(HISTORY, json.dumps(list(history), indent=1).encode())
        # a writer an epoch: its thread and queue would else outlive an error
        purge = self._start + 1 if len(history) == self._start + 1 and self._start else None
        with tempfile.TemporaryDirectory(prefix="swath-events-") as folder:
            with SummaryWriter(folder, purge_step=purge, filename_suffix=f".{len(history):05}") as writer:
                for name, value in _scalars(history[-1]):
                    writer.add_scalar(name, value, history[-1]["epoch"])
            for file in sorted(Path(folder).iterdir()):
                self.out.put_file(f"{EVENTS}/{file.name}", file)


def read_history(out: Store) -> list[dict[str, Any]]:
    """The readings so far, as `Log` keeps them; empty where there are none."""
    with suppress(MissingKeyError):
        return list(json.loads(out.read_bytes(HISTORY)))
    return []


def _scalars(reading: dict[str, Any]) -> Iterator[tuple[str, float]]:
    yield "loss/train", reading["loss"]
    if reading["validation_loss"] is not None:
        yield "loss/validation", reading["validation_loss"]
    yield "optimiser/lr", reading["lr"]
    for name, value in reading["figures"].items():
        if isinstance(value, float):
            yield f"validation/{name}", value
        elif name == "f1":
            yield from ((f"f1/{label}", f1) for label, f1 in value.items() if f1 is not None)
    for name, value in reading["seconds"].items():
        yield f"seconds/{name}", value


def draw_curves(history: Sequence[dict[str, Any]], path: Path | BinaryIO, *, title: str) -> None:
    """Draw loss and validation figures by epoch into a PNG.

    Args:
        history: A reading an epoch, one or more.
        path: File to write, or an open one.
        title: Over the picture.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs = [reading["epoch"] for reading in history]
    best = max(history, key=lambda reading: reading["score"])
    shown = [name for name in _NAMES if isinstance(history[-1]["figures"].get(name), float)]
    units = [("validation", [n for n in shown if n != "r2"])] if shown else []
    units += [("R²", ["r2"])] if "r2" in shown else []
    figure = Figure(figsize=(4.6 * (1 + len(units)), 3.8), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11)
    axes = figure.subplots(1, 1 + len(units), squeeze=False)[0]
    lines = [("training", "loss", _TRAIN), ("validation", "validation_loss", _VALIDATION)]
    for number, (label, name, colour) in enumerate(lines):
        values = [_number(reading[name]) for reading in history]
        if name == "validation_loss" and not np.isfinite(values).any():
            continue  # nothing was held out for it
        axes[0].plot(epochs, values, color=colour, ls=_DASHES[number], marker=_MARKS[number], ms=3, label=label)
    axes[0].set_ylabel("loss")
    for axis, (label, names) in zip(axes[1:], units, strict=True):
        for number, name in enumerate(names):
            values = [_number(reading["figures"].get(name)) for reading in history]
            style = {"color": _FIGURES[number], "ls": _DASHES[number], "marker": _MARKS[number], "ms": 3}
            axis.plot(epochs, values, label=_NAMES[name], **style)
        axis.set_ylabel(label)
    for axis in axes:
        axis.axvline(best["epoch"], color="#8a939b", lw=1, ls=":", label=f"kept: epoch {best['epoch']}")
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3, lw=0.5)
        axis.legend(fontsize=8, frameon=False)
    figure.savefig(path, format="png")


def _number(value: Any) -> float:
    return float(value) if isinstance(value, float) else float("nan")
