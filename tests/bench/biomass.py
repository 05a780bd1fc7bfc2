"""Above-ground biomass: what ships for tables of plots, beside a line and a Gaussian process.

    python -m tests.bench.biomass plots --data ../shared/data [--seeds 5] [--folds 5] [--json FILE]
    python -m tests.bench.biomass simulated [--earth chosen|unseen] [--fold N …] [--recipe NAME] [--folder DIR]
        [--json FILE]

`plots` learns the biomass of 2002 of 437 plots of the Bartlett Experimental Forest from elevation, slope and
tasselled-cap values of three seasons of that year. Blocks of 750 m are dealt to folds; each fold is held out once, and
all of it again for each seed with blocks dealt anew:

- `ours`: `swath.training.tables.learn_values` with its defaults;
- `linear`: least squares; its interval is that of the textbook, by the residuals' deviation and leverage;
- `gaussian_process`: one length scale, noise, fitted by the marginal likelihood.

The defaults of ours were chosen on blocks dealt with seeds 100 to 102, which are not among those that are read here;
the plots are the same ones, so the choice is not wholly unseen. Differences are paired, 95 %, whole blocks drawn;
what a plot adds is averaged over seeds, so that more seeds do not make more plots.

`simulated` stands in `biomass_simulated`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tests.bench.biomass_simulated import EARTHS, show_simulated, simulated

from swath.training.metrics import ValueSums, compare_values, interval_of
from swath.training.metrics.distributions import DistributionSums, Normal, Quantiles
from swath.training.metrics.values import VALUE_MEASURES
from swath.training.tables import Table, TableSchema, ValueConfig, learn_values

Array = NDArray[np.float64]
FILE = Path("biomass", "bartlett_plots.csv")
TARGET = "agb_2002_mg_ha"
FEATURES = ("elevation", "slope", *(f"{season}_02_tc{n}" for season in ("spr", "sum", "fall") for n in (1, 2, 3)))
EDGE = 750.0  # metres
PEERS = ("linear", "gaussian_process")
WAYS = ("ours", *PEERS)
LEVEL = 0.9
Said = tuple[Array, Array, Array]  # mean, and the bounds of the interval


def ours(known: Table, blocks: NDArray[np.int64], asked: Table, seed: int) -> Said:
    """What ships."""
    said = learn_values(known, blocks, ValueConfig(low=0.0), seed=seed).predict(asked)
    return said.mean, said.low, said.high


def linear(known: Table, blocks: NDArray[np.int64], asked: Table, seed: int) -> Said:
    """Least squares with its interval of prediction (Seber and Lee 2003, Linear Regression Analysis, section 5.3)."""
    from scipy.stats import t

    x, new = (np.c_[np.ones(len(part)), part.values.astype(np.float64)] for part in (known, asked))
    y = np.asarray(known.target, np.float64)
    inverse = np.linalg.pinv(x.T @ x)
    slope = inverse @ x.T @ y
    free = len(y) - x.shape[1]
    deviation = np.sqrt(((y - x @ slope) ** 2).sum() / free)
    half = t.ppf(0.5 + LEVEL / 2, free) * deviation * np.sqrt(1 + np.einsum("ij,jk,ik->i", new, inverse, new))
    mean = new @ slope
    return mean, mean - half, mean + half


def gaussian_process(known: Table, blocks: NDArray[np.int64], asked: Table, seed: int) -> Said:
    """Of the standardised columns, with scikit-learn."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    kernel = ConstantKernel(1.0) * RBF(3.0) + WhiteKernel(1.0)
    model = make_pipeline(StandardScaler(), GaussianProcessRegressor(kernel, normalize_y=True))
    model.fit(known.values.astype(np.float64), np.asarray(known.target, np.float64))
    mean, sd = model.predict(asked.values.astype(np.float64), return_std=True)
    low, high = Normal(mean, sd).interval()
    return mean, low, high


MAKERS: dict[str, Callable[[Table, NDArray[np.int64], Table, int], Said]] = {
    "ours": ours,
    "linear": linear,
    "gaussian_process": gaussian_process,
}


def read(data: Path) -> Table:
    """The plots.

    Args:
        data: The folder of real data, or the file.
    """
    schema = TableSchema(features=FEATURES, x="x_m", y="y_m", crs="EPSG:32110", target=TARGET)
    return Table.of(pd.read_csv(data / FILE if data.is_dir() else data), schema, source="plots")


def held_out(
    table: Table, blocks: NDArray[np.int64], folds: int, seed: int
) -> tuple[dict[str, Said], dict[str, float]]:
    """What each way says of every plot while its fold is held out, and CPU seconds."""
    fold = (np.random.default_rng(seed).permutation(blocks.max() + 1) % folds)[blocks]
    said = {way: tuple(np.zeros(len(table)) for _ in range(3)) for way in WAYS}
    seconds = dict.fromkeys(WAYS, 0.0)
    for number in range(folds):
        known, asked = fold != number, fold == number
        for way, make in MAKERS.items():
            started = time.process_time()
            for whole, part in zip(
                said[way], make(table.take(known), blocks[known], table.take(asked), seed), strict=True
            ):
                whole[asked] = part
            seconds[way] += time.process_time() - started
    return {way: (mean, low, high) for way, (mean, low, high) in said.items()}, seconds


def plots(data: Path, *, seeds: int = 5, folds: int = 5) -> dict[str, Any]:
    """Readings of all ways, and paired differences of ours to each peer."""
    table = read(data)
    truth, blocks = np.asarray(table.target, np.float64), table.blocks(EDGE)
    runs = [held_out(table, blocks, folds, seed) for seed in range(seeds)]
    sums = {way: np.mean([by_block(truth, said[way][0], blocks) for said, _ in runs], axis=0) for way in WAYS}
    report: dict[str, Any] = {"plots": len(table), "blocks": int(blocks.max() + 1), "seeds": seeds, "folds": folds}
    report["ways"] = {
        way: {
            "figures": {
                name: {
                    "reading": float(figure(sums[way].sum(0))),
                    "interval_95": interval_of(sums[way], figure),
                    "by_seed": [float(figure(by_block(truth, said[way][0], blocks).sum(0))) for said, _ in runs],
                }
                for name, figure in VALUE_MEASURES.items()
            },
            "interval": intervals(truth, [said[way] for said, _ in runs]),
            "cpu_seconds_a_fit": sum(seconds[way] for _, seconds in runs) / (seeds * folds),
        }
        for way in WAYS
    }
    report["differences"] = {
        peer: {name: compare_values(sums["ours"], sums[peer], measure=name).to_dict() for name in ("r2", "rmse")}
        for peer in PEERS
    }
    return report


def by_block(truth: Array, mean: Array, blocks: NDArray[np.int64]) -> Array:
    """(blocks, ValueSums.SIZE)."""
    return np.stack([ValueSums.of(truth[blocks == b], mean[blocks == b]).sums for b in range(blocks.max() + 1)])


def intervals(truth: Array, said: list[Said]) -> dict[str, Any]:
    """Coverage of the 90 % interval over all seeds and by seed, and its mean width."""
    made = [
        DistributionSums.of(truth, Quantiles(np.stack([low, mean, high], 1), (0.05, 0.5, 0.95)))
        for mean, low, high in said
    ]
    figures = [one.figures() for one in made]
    return {
        "coverage_90": float(np.mean([one["coverage_90"] for one in figures])),
        "by_seed": [one["coverage_90"] for one in figures],
        "width_90": float(np.mean([one["width_90"] for one in figures])),
    }


def show(report: dict[str, Any]) -> None:
    """Print a table, and the differences."""
    print(f"{report['plots']} plots in {report['blocks']} blocks, {report['folds']} folds, {report['seeds']} seeds\n")
    print("| Way | R2 | RMSE | Bias | 90 % interval holds | Width | CPU s a fit |\n|---|---|---|---|---|---|---|")
    for way, of in report["ways"].items():
        r2, rmse, bias = (of["figures"][name]["reading"] for name in ("r2", "rmse", "bias"))
        width = of["interval"]
        print(
            f"| {way} | {r2:.3f} | {rmse:.1f} | {bias:+.1f} | {width['coverage_90']:.1%} "
            f"({min(width['by_seed']):.1%} to {max(width['by_seed']):.1%}) | {width['width_90']:.0f} | "
            f"{of['cpu_seconds_a_fit']:.1f} |"
        )
    print()
    for peer, found in report["differences"].items():
        for name, one in found.items():
            print(
                f"ours - {peer}, {name}: {one['difference']:+.3f} ({one['low']:+.3f} to {one['high']:+.3f}), "
                f"{one['verdict']}"
            )


def main() -> None:
    """Run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    one = kinds.add_parser("plots", help="real plots, in blocks")
    one.add_argument("--data", type=Path, required=True, help="the folder of real data, or the file of plots")
    one.add_argument("--seeds", type=int, default=5, help="how often blocks are dealt to folds")
    one.add_argument("--folds", type=int, default=5)
    one.add_argument("--json", type=Path, help="write all readings here")
    two = kinds.add_parser("simulated", help="a simulated Earth whose truth is known")
    two.add_argument("--recipe", default="biomass", help="that ships, or a YAML file")
    two.add_argument("--earth", choices=list(EARTHS), default="chosen", help="settings were chosen on `chosen`")
    two.add_argument(
        "--fold", type=int, nargs="*", default=[], help="whose blocks are held out; by default each in turn"
    )
    two.add_argument("--folder", type=Path, help="keep the Earth and the model here, and go on from there")
    two.add_argument("--json", type=Path, help="write all readings here")
    options = parser.parse_args()
    if options.kind == "simulated":
        report = simulated(options.recipe, options.folder, options.earth, options.fold)
        show_simulated(report)
    else:
        report = plots(options.data, seeds=options.seeds, folds=options.folds)
        show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
