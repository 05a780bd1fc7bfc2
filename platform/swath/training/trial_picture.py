"""A picture of a search: how trials went, and which values did well."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

_COLUMNS = 3
# of how a trial ended; they differ in mark too
_STATES = {"done": ("#0072b2", "o"), "stopped": ("#d55e00", "x"), "failed": ("#8a939b", "s")}
_WIDE = 30.0  # a field whose largest value is this many times the smallest is shown by its logarithm


def draw_trials(
    trials: Sequence[dict[str, Any]], histories: Sequence[Sequence[dict[str, Any]]], path: Path | BinaryIO
) -> None:
    """Draw score by epoch of each trial, and the best score of each by each field that was searched, into a PNG.

    Args:
        trials: As `Tried.to_dict` gives them, the best first; those without a score are left out.
        histories: Readings of each.
        path: File to write, or an open one.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    shown = [(one, history) for one, history in zip(trials, histories, strict=True) if one["score"] is not None]
    fields = list(shown[0][0]["values"])
    rows = -(-(1 + len(fields)) // _COLUMNS)
    figure = Figure(figsize=(4.4 * min(_COLUMNS, 1 + len(fields)), 3.4 * rows), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{len(trials)} trials; the best is trial {shown[0][0]['trial']}", fontsize=11)
    axes = list(figure.subplots(rows, min(_COLUMNS, 1 + len(fields)), squeeze=False).ravel())
    for place, (one, history) in enumerate(shown):
        colour, mark = _STATES[one["state"]]
        line = {"color": colour, "marker": mark, "ms": 3, "lw": 2.2 if place == 0 else 0.8}
        axes[0].plot(
            [r["epoch"] for r in history], [r["score"] for r in history], alpha=1 if place == 0 else 0.5, **line
        )
    axes[0].set_xlabel("epoch")
    axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    for axis, field in zip(axes[1:], fields, strict=False):
        _draw_field(axis, field, [one for one, _ in shown])
    for axis in axes[1 + len(fields) :]:
        axis.set_axis_off()
    for axis in axes[: 1 + len(fields)]:
        axis.set_ylabel("score on the validation fold")
        axis.grid(alpha=0.3, lw=0.5)
    figure.savefig(path, format="png")


def _draw_field(axis: Any, field: str, trials: Sequence[dict[str, Any]]) -> None:
    values = [one["values"][field] for one in trials]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    names = list(dict.fromkeys(str(value) for value in values))
    for state, (colour, mark) in _STATES.items():
        chosen = [place for place, one in enumerate(trials) if one["state"] == state]
        if not chosen:
            continue
        x = [float(values[place]) if numbers else names.index(str(values[place])) for place in chosen]
        axis.scatter(x, [trials[place]["score"] for place in chosen], color=colour, marker=mark, s=22, label=state)
    best = float(values[0]) if numbers else names.index(str(values[0]))
    axis.scatter([best], [trials[0]["score"]], s=110, facecolors="none", edgecolors="black", label="best")
    if not numbers:
        axis.set_xticks(range(len(names)), names)
    elif min(values) > 0 and max(values) > _WIDE * min(values):
        axis.set_xscale("log")
    axis.set_xlabel(field.removeprefix("train."))
    axis.legend(fontsize=7, frameon=False)
