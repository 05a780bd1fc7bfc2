"""Totals of regions of simulated Earths: how often their interval holds the truth.

    python -m tests.bench.biomass_total [--seeds 100] [--first 1] [--json FILE] [--samples DIR]

Each seed is another Earth. A cheap model learns biomass from the lidar footprints of a year in a window of 7 km, with
what sensors show of it: reflectance of a summer's day with noise, and backscatter with speckle. The region is a disc
of 3 km across in the middle of the window. Blocks of 1 km are held out for residuals, and drawn anew for refits; the
total and its interval are `swath.assessment`'s. The truth, the sum of `agb` over the disc, is looked at last.

The simulated Earth has no error that all labels share, so that the bar reads intervals without one; what users have by
default (a CV of 0.10) stands beside it, and so does the interval of errors of one size everywhere.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.ndimage import uniform_filter
from tests.bench.earth_sets import seen_on

from swath.assessment import fit_spread, fit_variogram, total_of
from swath.assessment.totals import COMMON_CV
from swath.synthetic import Window, World
from swath.synthetic.biomass import biomass, structure
from swath.synthetic.footprints import footprints, good
from swath.synthetic.lidar import REACH
from swath.synthetic.optical import HALO
from swath.synthetic.orbits import RADAR_DOWN, RADAR_UP

Array = NDArray[Any]
SIDE, RADIUS = 700, 150  # of the window and of the region, pixels of 10 m
LOOKS = 3  # radar passes
YEAR, DAY = 2023, date(2023, 7, 15)
LEAST, FOREST = 500, 40.0  # footprints that are kept; Mg/ha of structure where a user would ask for a total
TREES, FOLDS, BLOCK, REFITS, FARTHEST = 60, 5, 1000.0, 20, 3000.0  # metres
AREA = 0.01  # of a pixel, ha
WAYS = ("one size", "spread")  # of errors: the same everywhere, by prediction
BAR, Z95 = (0.88, 0.99), 1.959964  # share of intervals; of a normal distribution
PROBE = 60  # pixels: of small windows that tell whether there is forest


@dataclass(frozen=True)
class Sample:
    """What a user has of a seed, and apart from it the truth.

    Attributes:
        x: Features at footprints, (n, p).
        y: Told biomass, Mg/ha, below zero by noise where there is next to none, (n,).
        noise: Standard deviation of a footprint's noise on the scale of square roots, (n,).
        place: Told easting and northing, metres, (n, 2).
        region: Features of the region's square, (rows, cols, p).
        truth: True biomass of the same pixels, Mg/ha, (rows, cols).
    """

    x: Array
    y: Array
    noise: Array
    place: Array
    region: Array
    truth: Array


def sample(seed: int) -> Sample:
    """The first place of a seed's list with forest and enough footprints."""
    world, random = World(seed, keep=2), np.random.default_rng(seed)
    while True:
        left, top = int(random.integers(350, 650)) * 100, int(random.integers(4800, 5600)) * 100
        window = Window(32633, left, top, SIDE, SIDE)
        if _forest(world, window) < FOREST:
            continue
        found = _sample(world, window)
        if found is not None:
            return found


def _forest(world: World, window: Window) -> float:
    """Mg/ha of structure at five spots of the region."""
    seen, far = [], 2 * RADIUS - PROBE
    for down, right in ((0, 0), (0, far), (far, 0), (far, far), (far // 2, far // 2)):
        down, right = down + SIDE // 2 - RADIUS, right + SIDE // 2 - RADIUS
        spot = Window(window.epsg, window.left + right, window.top - down, PROBE, PROBE)
        seen.append(structure(world.seed, spot, world.ground(spot, YEAR), YEAR).mean())
    return float(np.mean(seen))


def _sample(world: World, window: Window) -> Sample | None:
    """None without enough footprints."""
    # footprints and images ask for the same ground, which is made once
    shot = footprints(world, window.grown(HALO - REACH), date(YEAR, 1, 1), date(YEAR, 12, 31)).table
    shot = shot.filter(good(shot))
    lon, lat, root, noise = (
        shot[name].to_numpy() for name in ("lon_lowestmode", "lat_lowestmode", "agbd_t", "agbd_t_se")
    )
    # `agbd` is never below zero, so that it is too high on average where nothing grows; its root lets that be undone
    place = np.stack(Transformer.from_crs(4326, window.epsg, always_xy=True).transform(lon, lat), 1)
    col = np.floor(place[:, 0] / 10 - window.left).astype(int)
    row = np.floor(window.top - place[:, 1] / 10).astype(int)
    inside = (row >= 1) & (row < SIDE - 1) & (col >= 1) & (col < SIDE - 1)
    if inside.sum() < LEAST:
        return None
    layers = np.concatenate([seen_on(world, window, DAY), _backscatter(world, window)])
    layers = np.moveaxis(uniform_filter(layers, (1, 3, 3)), 0, -1).astype(np.float32)
    middle = slice(SIDE // 2 - RADIUS, SIDE // 2 + RADIUS)
    wide = window.grown(HALO)
    truth = biomass(world.seed, wide, world.ground(wide, YEAR), YEAR).agb[HALO:-HALO, HALO:-HALO]
    return Sample(
        layers[row[inside], col[inside]], (root**2 - noise**2)[inside], noise[inside], place[inside],
        layers[middle, middle], truth[middle, middle],
    )  # fmt: skip


def _backscatter(world: World, window: Window) -> Array:
    """VV and VH of some summer's passes whose swath holds the window, mean power in decibels, (2, rows, cols)."""
    total, seen = np.zeros((2, window.rows, window.cols)), 0
    for ordinal in range(date(YEAR, 6, 1).toordinal(), date(YEAR, 9, 1).toordinal()):
        for fleet in (RADAR_UP, RADAR_DOWN):
            for take in world.passes(window, date.fromordinal(ordinal), fleet=fleet):
                across = take.across(*window.knots)
                if seen < LOOKS and across.min() > 0.01 and across.max() < 0.99:
                    power = world.observe_radar(take, window).power
                    total += np.stack([power[name] for name in ("vv", "vh")])
                    seen += 1
    assert seen, "a summer has passes over every place"
    return 10.0 * np.log10(np.maximum(total / seen, 1e-5))


# --- the total ----------------------------------------------------------------------------------------


def _fitted(x: Array, y: Array) -> Any:
    from lightgbm import LGBMRegressor

    model = LGBMRegressor(
        n_estimators=TREES, num_leaves=8, learning_rate=0.1, min_child_samples=20, n_jobs=1, verbose=-1,
        deterministic=True, force_row_wise=True,
    )  # fmt: skip
    return model.fit(x, y)


def _blocks(place: Array, edge: float) -> NDArray[np.int64]:
    """Number of the block of each place."""
    return np.unique(np.floor(place / edge).astype(int), axis=0, return_inverse=True)[1].ravel()


def reading(seed: int, one: Sample) -> dict[str, Any]:
    """Totals and intervals of a sample, beside the truth. All in Mg/ha of the region's mean.

    Args:
        seed: Of the draws of blocks.
        one: The sample.
    """
    random = np.random.default_rng(seed)
    block = _blocks(one.place, BLOCK)
    groups = [np.flatnonzero(block == number) for number in range(block.max() + 1)]
    fold = (random.permutation(len(groups)) % FOLDS)[block]
    held = np.empty(len(one.y))
    for number in range(FOLDS):
        held[fold == number] = _fitted(one.x[fold != number], one.y[fold != number]).predict(one.x[fold == number])
    residuals = one.y - held
    # of squares of roots with normal noise; the root itself is not known better than by the model
    noise = 4.0 * np.maximum(held, 0.0) * one.noise**2 + 2.0 * one.noise**4
    rows, cols, bands = one.region.shape
    disc = np.hypot(*(np.mgrid[:rows, :cols] - (rows - 1) / 2)) <= RADIUS
    asked = one.region.reshape(-1, bands)[disc.ravel()]
    told = np.full((rows, cols), np.nan)
    told[disc] = _fitted(one.x, one.y).predict(asked)
    refits = []
    for _ in range(REFITS):
        drawn = np.concatenate([groups[number] for number in random.integers(0, len(groups), len(groups))])
        refits.append(_fitted(one.x[drawn], one.y[drawn]).predict(asked).sum() * AREA)
    spread = fit_spread(residuals, held, noise=noise)
    x, y = one.place.T
    ways: dict[str, Any] = {}
    for way in WAYS:
        at = spread.of(held) if way == "spread" else None
        variogram = fit_variogram(residuals, x, y, noise=noise, farthest=FARTHEST, spread=at)
        total = total_of(
            told, AREA, 10.0, variogram, np.array(refits), spread=spread.of(told) if at is not None else None,
            common_cv=1e-6,
        )  # fmt: skip
        ways[way] = {name: total.parts[name] / total.area for name in ("residual", "model")} | {
            "sd": total.sd / total.area, "low": total.low / total.area, "high": total.high / total.area,
            "nugget": variogram.nugget, "sills": variogram.sills, "lengths": variogram.lengths,
        }  # fmt: skip
    return {
        "seed": seed, "labels": len(one.y), "blocks": len(groups), "truth": float(one.truth[disc].mean()),
        "told": total.mean, "base": spread.base, "slope": spread.slope, "rmse": float(np.sqrt((residuals**2).mean())),
        "noise": float(np.sqrt(noise.mean())), "ways": ways,
    }  # fmt: skip


def summary(readings: list[dict[str, Any]]) -> dict[str, Any]:
    """Of all seeds: how many intervals hold the truth, and whether they are as wide as the errors."""
    error = np.array([one["truth"] - one["told"] for one in readings])
    told = np.array([one["told"] for one in readings])
    found: dict[str, Any] = {
        "seeds": len(readings), "truth": float(np.mean([one["truth"] for one in readings])),
        "bias": float(error.mean()), "rmse": float(np.sqrt((error**2).mean())), "ways": {},
    }  # fmt: skip
    for way in WAYS:
        sd, residual, model = (
            np.array([one["ways"][way][name] for one in readings]) for name in ("sd", "residual", "model")
        )
        z = error / sd
        found["ways"][way] = {
            "held": int((np.abs(z) < Z95).sum()), "sd_of_z": float(z.std()), "mean_of_z": float(z.mean()),
            "mean_sd": float(sd.mean()), "residual": float(residual.mean()), "model": float(model.mean()),
            "held_with_common": int((np.abs(error) < Z95 * np.hypot(sd, COMMON_CV * told)).sum()),
        }  # fmt: skip
    return found


def show(found: dict[str, Any]) -> None:
    """Print a row a way."""
    print(
        f"{found['seeds']} seeds, {found['truth']:.1f} Mg/ha on average; bias {found['bias']:+.1f}, RMSE of regions "
        f"{found['rmse']:.1f}; bar: {BAR[0]:.0%} to {BAR[1]:.0%} of the intervals of 95 % hold the truth\n\n"
        f"| Errors | Hold | sd of z | Mean of z | sd | Residual | Model | Hold with a common CV of {COMMON_CV:.2f} |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    for way, one in found["ways"].items():
        share = one["held"] / found["seeds"]
        verdict = "in" if BAR[0] <= share <= BAR[1] else "outside"
        print(
            f"| {way} | {one['held']} of {found['seeds']}, {verdict} | {one['sd_of_z']:.2f} | {one['mean_of_z']:+.2f} "
            f"| {one['mean_sd']:.1f} | {one['residual']:.1f} | {one['model']:.1f} | {one['held_with_common']} |"
        )


def _kept(seed: int, folder: Path | None) -> Sample:
    """A sample, from the folder where it is there."""
    if folder is None:
        return sample(seed)
    path = folder / f"s{seed}.npz"
    if not path.exists():
        made = sample(seed)
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(path, **{field.name: getattr(made, field.name) for field in fields(Sample)})
        return made
    with np.load(path) as data:
        return Sample(**data)


def main() -> None:
    """Run, and print; readings stand in the file seed by seed, and a run goes on from there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write readings here, seed by seed, and go on from those there")
    parser.add_argument("--samples", type=Path, help="keep what each seed's user has in this folder")
    options = parser.parse_args()
    asked = range(options.first, options.first + options.seeds)
    told = json.loads(options.json.read_text())["readings"] if options.json and options.json.exists() else []
    done = {one["seed"]: one for one in told if one["seed"] in asked}
    for seed in asked:
        if seed in done:
            continue
        started = time.process_time()
        done[seed] = reading(seed, _kept(seed, options.samples))
        done[seed]["cpu_seconds"] = time.process_time() - started
        if options.json:
            made = list(done.values())
            options.json.write_text(json.dumps({"summary": summary(made), "readings": made}, indent=1) + "\n")
    show(summary(list(done.values())))


if __name__ == "__main__":
    main()
