"""Pictures of maps: panels side by side on one extent, with scale bar, legend and colour bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

INK = "#22313f"
PAPER = "#ffffff"
NO_DATA = "#d9dde1"


@dataclass(frozen=True)
class Panel:
    """One panel of a picture.

    Attributes:
        title: Over the panel.
        image: (H, W, 3) float in 0..1 (NaN is no-data), or (H, W) numbers.
        note: Under the panel, one line.
        legend: Colours by class code, as (name, colour), for an image of class codes.
        label: Of the colour bar, for an image of numbers without a legend.
        span: Numbers at both ends of the colour bar, the same in panels to be compared; by default those of the image.
    """

    title: str
    image: NDArray[np.generic]
    note: str = ""
    legend: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    label: str = ""
    span: tuple[float, float] | None = None


def true_colour(
    red: NDArray[np.floating], green: NDArray[np.floating], blue: NDArray[np.floating], *, white: float = 0.25
) -> NDArray[np.float32]:
    """Reflectance as an RGB image for the eye.

    Args:
        red: Reflectance, (H, W), NaN where there is none; green and blue likewise.
        green: See red.
        blue: See red.
        white: Reflectance that is drawn white.

    Returns:
        (H, W, 3) in 0..1 with a gamma of 1.8; NaN where any band is.
    """
    stack = np.stack([red, green, blue], axis=-1).astype(np.float32) / white
    stack[~np.isfinite(stack).all(axis=-1)] = np.nan
    return np.clip(stack, 0, 1) ** np.float32(1 / 1.8)


def draw(path: Path, panels: Sequence[Panel], *, pixel_m: float, title: str, columns: int | None = None) -> Path:
    """Draw panels of one extent into a PNG.

    Args:
        path: File to write.
        panels: At least one; all images have the same height and width.
        pixel_m: Edge of a pixel, metres, for the scale bar.
        title: Over the whole.
        columns: Panels a row; by default two for up to four panels, three for more.

    Returns:
        The path.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = columns or (1 if len(panels) == 1 else 2 if len(panels) <= 4 else 3)
    rows = -(-len(panels) // columns)
    height, width = panels[0].image.shape[:2]
    panel_width = 5.4
    panel_height = panel_width * height / width
    figure = Figure(
        figsize=(panel_width * columns + 0.3, (panel_height + 0.62) * rows + 0.45),
        dpi=110,
        facecolor=PAPER,
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    figure.suptitle(title, color=INK, fontsize=14, fontweight="bold", x=0.012, ha="left")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis, panel in zip(axes.flat, panels, strict=False):
        _draw_panel(figure, axis, panel)
        _scale_bar(axis, width, height, pixel_m)
    for axis in list(axes.flat)[len(panels) :]:
        axis.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    # no software name and no date: the same map gives the same picture
    figure.savefig(path, metadata={"Software": None})
    return path


def _draw_panel(figure: Any, axis: Any, panel: Panel) -> None:
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.patches import Patch

    axis.set_facecolor(NO_DATA)
    axis.set_title(panel.title, loc="left", color=INK, fontsize=11)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_xlabel(panel.note, loc="left", color=INK, fontsize=8.5)
    for spine in axis.spines.values():
        spine.set_edgecolor("#9aa5b1")
    if panel.image.ndim == 3:
        alpha = np.isfinite(panel.image).all(axis=-1)
        axis.imshow(np.dstack([np.nan_to_num(panel.image), alpha]), interpolation="nearest")
    elif panel.legend:
        codes = sorted(panel.legend)
        colours = ListedColormap([panel.legend[code][1] for code in codes])
        index = np.searchsorted(codes, panel.image)
        known = np.isin(panel.image, codes)
        axis.imshow(
            np.ma.masked_array(index, ~known),
            cmap=colours,
            norm=BoundaryNorm(np.arange(len(codes) + 1) - 0.5, len(codes)),
            interpolation="nearest",
        )
        shown = [code for code in codes if (panel.image == code).any()]
        axis.legend(
            handles=[Patch(facecolor=panel.legend[c][1], edgecolor="#9aa5b1", label=panel.legend[c][0]) for c in shown],
            loc="upper right",
            fontsize=7.5,
            framealpha=0.9,
        )
    else:
        low, high = panel.span or (None, None)
        drawn = axis.imshow(panel.image, cmap="viridis", interpolation="nearest", vmin=low, vmax=high)
        bar = figure.colorbar(drawn, ax=axis, fraction=0.04, pad=0.02)
        bar.set_label(panel.label, color=INK, fontsize=8.5)
        bar.ax.tick_params(labelsize=8, colors=INK)


def _scale_bar(axis: Any, width: int, height: int, pixel_m: float) -> None:
    """A bar of a round length, at most a third of the panel wide."""
    most = width * pixel_m / 3
    power = 10 ** np.floor(np.log10(most))
    length = power * max(step for step in (1, 2, 5) if step * power <= most)
    pixels = length / pixel_m
    name = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    x, y = width * 0.04, height * 0.95
    for colour, line in ((PAPER, 5.0), (INK, 2.5)):
        axis.plot([x, x + pixels], [y, y], color=colour, linewidth=line, solid_capstyle="butt")
    axis.text(
        x + pixels / 2, y - height * 0.015, name, ha="center", va="bottom", fontsize=8.5, color=INK,
        bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 1.2},
    )  # fmt: skip
    axis.set_xlim(-0.5, width - 0.5)
    axis.set_ylim(height - 0.5, -0.5)
