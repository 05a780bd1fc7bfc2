"""How often the intervals of accuracy and area hold the truth, over many samples of a population that is known.

    python -m tests.bench.coverage [--draws 1000] [--priors 0.65 0.75 ...] [--only olofsson earth] [--json FILE]

Two populations. `olofsson`: the worked example of Olofsson et al. 2014 (doi:10.1016/j.rse.2014.02.015), its estimated
error matrix taken for the truth, samples of its sizes drawn from it. `earth`: a region of the simulated Earth, whose
map has its borders shifted and patches of each class taken for others; samples are stratified by map class, at least
30 units each, drawn by the code of `swath sample` from the tiles of a published map.

Beside the default interval stands that of the published formula, and that of the prior by cell which the default had
before: one unit a stratum, spread evenly over its cells.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from swath.assessment import PublishedMap, Tally, frame_of
from swath.assessment.allocation import Allocation, allocated
from swath.assessment.drawing import draw
from swath.assessment.posterior import intervals
from swath.assessment.published import Unit
from swath.assessment.stratified import Figures, shares, standard_errors
from swath.synthetic import CLASS_NAMES, World

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.class_map import class_map

Array = NDArray[Any]
BAR, Z95 = (0.93, 0.98), 1.959964
CLASSES = ("deforestation", "forest gain", "stable forest", "stable non-forest")
MATRIX = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000])
AREA, TILE, SEED, YEAR = "12.0,47.70,12.09,47.76", 768, 7, 2023
UNITS, LEAST = 600, 30
SHIFT, BLOB = 2.5, 12.0  # pixels: of borders, and of the size of patches
#: what a class is taken for, and the share of it that is
TAKEN = {10: (20, 0.06), 20: (30, 0.15), 30: (40, 0.10), 40: (30, 0.08), 50: (60, 0.10), 60: (50, 0.12),
         70: (60, 0.05), 80: (90, 0.03), 90: (30, 0.15), 100: (60, 0.15)}  # fmt: skip
POSTERIOR = 2_000  # draws of each interval


def olofsson(draws: int) -> tuple[list[Tally], Array]:
    """Samples of the worked example, and the true share of each cell."""
    random = np.random.default_rng(1)
    truth = MATRIX / MATRIX.sum(axis=1, keepdims=True)
    counts = np.stack(
        [random.multinomial(int(n), row, size=draws) for n, row in zip(MATRIX.sum(axis=1), truth, strict=True)], 1
    )
    tallies = [Tally.by_map_class(one, (PIXELS * 0.09).tolist(), CLASSES) for one in counts]
    return tallies, truth * (PIXELS / PIXELS.sum())[:, None]


class _Kept(PublishedMap):
    """A map whose tiles stay in memory, so that a thousand samples read each once."""

    def codes(self, unit: Unit) -> NDArray[np.uint8]:
        """Of the map."""
        return self._codes(unit)

    @cache  # noqa: B019
    def _codes(self, unit: Unit) -> NDArray[np.uint8]:
        return super().codes(unit)


def wrong(truth: Array, random: np.random.Generator) -> Array:
    """A map with errors that hang together, of true classes, (rows, columns)."""
    rows, cols = truth.shape
    moved = []
    for size, axis in ((rows, 0), (cols, 1)):
        field = gaussian_filter(random.normal(size=truth.shape), BLOB)
        at = np.arange(size)[:, None] if axis == 0 else np.arange(size)[None, :]
        moved.append(np.clip(np.rint(at + SHIFT * field / field.std()), 0, size - 1).astype(int))
    told = truth[moved[0], moved[1]]
    made = told.copy()
    for code, (other, share) in TAKEN.items():
        field = gaussian_filter(random.normal(size=truth.shape), BLOB)
        made[(told == code) & (field > np.quantile(field, 1 - share))] = other
    return made


def earth(draws: int, folder: Path) -> tuple[list[Tally], Array]:
    """Samples of a map of the simulated Earth, and the true share of each cell."""
    world, truths = World(SEED), {}

    def drawn(tile: Any) -> Array:
        truths[tile.id] = world.landcover(tile.geobox, YEAR)
        return wrong(truths[tile.id], np.random.default_rng(len(truths)))

    of = PublishedMap.open(class_map(folder, drawn, area=AREA, size=TILE, classes=CLASS_NAMES))
    of = _Kept(of.store, of.root, of.step)
    frame = frame_of(of)
    weights = frame.total_ha / frame.total_ha.sum()
    sizes = allocated(UNITS, weights, Allocation.PROPORTIONAL, pixels=frame.total_pixels, least=LEAST)
    codes = np.array(sorted(of.legend))
    classes = tuple(of.legend[code] for code in codes.tolist())
    cells = np.zeros((len(codes),) * 2)
    for unit in of.units:
        told, true = of.codes(unit).ravel(), truths[unit.tile.id].ravel()
        owned = np.isin(told, codes)
        pair = np.searchsorted(codes, told[owned]) * len(codes) + np.searchsorted(codes, true[owned])
        cells += np.bincount(pair, minlength=cells.size).reshape(cells.shape)
    # a pixel's share of the area is that of its stratum, as the estimators have it: widths differ by a part in 10,000
    held = [classes.index(name) for name in frame.strata]
    cells[held] *= (weights / frame.total_pixels)[:, None]
    there = (cells.sum(axis=0) > 0) | np.isin(np.arange(len(codes)), held)
    tallies = []
    for seed in range(draws):
        units = draw(frame, sizes, seed=seed)
        counts = np.zeros((len(held), len(codes), len(codes)), np.int64)
        true = np.array(
            [
                truths[of.units[unit].tile.id][row, col]
                for unit, row, col in zip(units.units, units.rows, units.columns, strict=True)
            ]
        )
        np.add.at(counts, (units.strata, np.searchsorted(codes, units.codes), np.searchsorted(codes, true)), 1)
        kept = tuple(name for name, one in zip(classes, there.tolist(), strict=True) if one)
        counts = counts[:, there][:, :, there]
        tallies.append(Tally(counts, frame.total_ha, kept, frame.strata, frame.total_pixels))
    return tallies, cells[there][:, there]


def by_cell(tally: Tally, figures: Figures, seed: int) -> Array:
    """(F, 2) intervals of one posterior for all cells of a stratum, prior of one unit spread over them."""
    random = np.random.default_rng(seed)
    out = np.zeros((POSTERIOR, *tally.counts.shape[1:]))
    for h, counts in enumerate(tally.counts):
        rows = counts.sum(axis=1) > 0
        cells = counts[rows].astype(float)
        made = random.dirichlet(cells.ravel() + 1 / cells.size, size=POSTERIOR).reshape(POSTERIOR, *cells.shape)
        if tally.units is not None:
            made = (cells + (tally.units[h] - counts.sum()) * made) / tally.units[h]
        out[:, rows] += tally.weights[h] * made
    found = figures.ratios(out)
    limits = np.full((len(figures.names), 2), np.nan)
    known = np.isfinite(found).any(axis=0)
    limits[known] = np.nanquantile(found[:, known], [0.025, 0.975], axis=0).T
    return limits


def reading(tallies: list[Tally], cells: Array, priors: list[float]) -> dict[str, Any]:
    """Share of the intervals of 95 % that hold the truth, by way and figure."""
    figures = Figures.of(tallies[0].classes)
    truth = figures.ratios(cells)
    found: dict[str, list[Array]] = {}
    for seed, tally in enumerate(tallies):
        values, errors = figures.ratios(shares(tally)), standard_errors(tally, figures)
        ways = {"published": np.stack([values - Z95 * errors, values + Z95 * errors], 1)}
        ways["by cell"] = by_cell(tally, figures, seed)
        ways["default"] = intervals(tally, figures, draws=POSTERIOR, seed=seed)
        for prior in priors:
            ways[f"prior {prior:g}"] = intervals(tally, figures, draws=POSTERIOR, seed=seed, priors=(prior,))
        for way, limits in ways.items():
            found.setdefault(way, []).append(limits)
    known = np.isfinite(truth)
    out: dict[str, Any] = {"truth": {_named(name): float(v) for name, v in zip(figures.names, truth, strict=True)}}
    for way, several in found.items():
        limits = np.stack(several)
        held = ((limits[..., 0] <= truth) & (truth <= limits[..., 1])).mean(axis=0)
        out[way] = {_named(name): float(held[at]) for at, name in enumerate(figures.names) if known[at]}
    return out


def _named(name: tuple[str, str]) -> str:
    return " ".join(name).strip()


def show(told: dict[str, dict[str, Any]]) -> None:
    """Print coverage by population, way and kind of figure, and every figure that is outside the bar."""
    print(f"bar {BAR[0]:.0%} to {BAR[1]:.0%}; least and most over classes\n\n| population | way | ", end="")
    kinds = ("overall_accuracy", "users_accuracy", "producers_accuracy", "f1", "area")
    print(" | ".join(kinds) + " | outside |\n|" + "---|" * (len(kinds) + 3))
    for population, ways in told.items():
        for way, held in ways.items():
            if way == "truth":
                continue
            spans = []
            for kind in kinds:
                values = [value for name, value in held.items() if name.split()[0] == kind]
                span = f"{min(values):.3f} to {max(values):.3f}"
                spans.append(span if len(values) > 1 else f"{values[0]:.3f}")
            outside = sum(not BAR[0] <= value <= BAR[1] for value in held.values())
            print(f"| {population} | {way} | {' | '.join(spans)} | {outside} of {len(held)} |")


def main() -> None:
    """Run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--priors", type=float, nargs="*", default=[], help="read each of these alone too")
    parser.add_argument("--only", nargs="+", choices=["olofsson", "earth"], default=["olofsson", "earth"])
    parser.add_argument("--json", type=Path, help="write all readings here")
    options = parser.parse_args()
    told = {}
    with tempfile.TemporaryDirectory(prefix="swath-coverage-") as folder:
        for name in options.only:
            tallies, cells = olofsson(options.draws) if name == "olofsson" else earth(options.draws, Path(folder))
            told[name] = reading(tallies, cells, options.priors)
    show(told)
    if options.json:
        options.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
