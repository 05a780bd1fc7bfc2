"""The guard of the simulated Earth: do plain peers rank on it as they rank on real sets?

    python -m tests.bench.earth --data ../shared/data [--tasks landcover biomass species] [--seeds 1 2] [--json FILE]

Five peers a task: a linear model, nearest neighbours, a forest, boosted trees, and one of the task's own (boosted trees
that see the neighbourhood; a Gaussian process; a forest whose background is the target group). Land cover: mIoU on
polygons in blocks of 1 km. Biomass: R2 of plots, from optical data in blocks of 750 m and from canopy height in
domains. Species: mean AUC on an independent survey. All are `transfer` figures. Simulated sets have the real ones'
size, labels and features as far as the sensors go.

Each pair of peers is compared on the real sets and on the simulated ones by a paired bootstrap (of sets where there are
several, and of blocks or species in them), 95 % over all ten pairs at once (Bonferroni): `agrees` if both decide alike,
`reversed` if they decide otherwise, `open` if either does not decide. The guard holds where no pair is reversed and the
ranks go together (Kendall's tau above 0).
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata
from tests.bench.earth_peers import PEERS, predict
from tests.bench.earth_sets import (
    FOLDS,
    Rows,
    real_biomass,
    real_heights,
    real_landcover,
    simulated_biomass,
    simulated_heights,
    simulated_landcover,
)
from tests.bench.earth_species import Records, real_species, simulated_species

Array = NDArray[Any]
DRAWS = 4000  # of the bootstrap
REGIONS = ("NSW", "SA", "SWI")
OWN = {"landcover": "boosting, around", "biomass": "process", "species": "forest, target group"}


@dataclass(frozen=True)
class Score:
    """One peer on one set.

    Attributes:
        value: mIoU, R2 or mean AUC.
        draws: The same for each draw of the bootstrap; the same draws for all peers of the set.
    """

    value: float
    draws: Array


def _weights(units: int) -> Array:
    """How often each unit is drawn, (1 + DRAWS, units); the first row is the sample itself."""
    random = np.random.default_rng(0)
    drawn = random.multinomial(units, np.full(units, 1 / units), DRAWS)
    return np.concatenate([np.ones((1, units)), drawn])


def _folds(rows: Rows, peer: str, kind: Any, threads: int) -> Array:
    """What a peer says of each row when its fold is held out; nan where nothing was held out."""
    peer, _, features = peer.partition(", ")
    x = rows.x[features or "pixel"]
    found = np.full(len(rows.y), np.nan)
    for fold in range(FOLDS):
        learn, test = rows.split(fold)
        if len(test):
            found[test] = predict(peer, kind, x[learn], rows.y[learn], x[test], seed=fold, threads=threads)
    return found


def landcover(rows: Rows, peer: str, threads: int) -> Score:
    """mIoU over the classes, blocks drawn."""
    found, count = _folds(rows, peer, "classes", threads).astype(int), int(rows.y.max()) + 1
    tables = np.zeros((rows.block.max() + 1, count, count))
    np.add.at(tables, (rows.block, rows.y, found), 1)
    total = np.tensordot(_weights(len(tables)), tables, 1)
    hit = np.diagonal(total, axis1=1, axis2=2)
    union = total.sum(1) + total.sum(2) - hit
    scores = np.nanmean(np.where(union > 0, hit / np.maximum(union, 1), np.nan), axis=1)
    return Score(float(scores[0]), scores[1:])


def biomass(rows: Rows, peer: str, threads: int) -> Score:
    """R2, blocks drawn."""
    found = _folds(rows, peer, "values", threads)
    units = int(rows.block.max()) + 1
    off, spread = (
        np.bincount(rows.block, part, units) for part in ((found - rows.y) ** 2, (rows.y - rows.y.mean()) ** 2)
    )
    weights = _weights(units)
    scores = 1 - weights @ off / (weights @ spread)
    return Score(float(scores[0]), scores[1:])


def species(records: Records, peer: str, threads: int) -> Score:
    """Mean AUC on the survey, species drawn."""
    peer, _, background = peer.partition(", ")
    scores = []
    for name, present in records.presence.items():
        away = records.group[name] if background else records.background
        x, y = np.concatenate([present, away]), np.repeat([1, 0], [len(present), len(away)])
        at, truth = records.test[name]
        said = predict(peer, "presence", x, y, at, seed=0, threads=threads)
        n, m = truth.sum(), (~truth).sum()
        scores.append((rankdata(said)[truth].sum() - n * (n + 1) / 2) / (n * m))
    weights = _weights(len(scores))
    means = weights @ np.array(scores) / weights.sum(1)
    return Score(float(means[0]), means[1:])


def sets(task: str, options: argparse.Namespace) -> dict[str, dict[str, Callable[[], Any]]]:
    """How the real and the simulated sets of a task are made."""
    data, seeds = options.data, options.seeds
    if task == "landcover":
        real: dict[str, Callable[[], Any]] = {"scene": lambda: real_landcover(data)}
        made: dict[str, Callable[[int], Any]] = {"seed": simulated_landcover}
    elif task == "biomass":
        real = {"bartlett": lambda: real_biomass(data), "norway": lambda: real_heights(data)}
        made = {"old forest, seed": simulated_biomass, "heights, seed": simulated_heights}
    else:
        real = {region: partial(real_species, data, region, options.background) for region in REGIONS}
        made = {"seed": simulated_species}
    simulated = {f"{name} {seed}": partial(make, seed) for seed in seeds for name, make in made.items()}
    return {"real": real, "simulated": simulated}


def measure(task: str, options: argparse.Namespace) -> dict[str, dict[str, dict[str, Score]]]:
    """Scores by kind of set, set and peer."""
    judge: Callable[..., Score] = {"landcover": landcover, "biomass": biomass, "species": species}[task]
    found: dict[str, dict[str, dict[str, Score]]] = {}
    for kind, makers in sets(task, options).items():
        found[kind] = {}
        for name, make in makers.items():
            started = time.perf_counter()
            one = make()
            found[kind][name] = {peer: judge(one, peer, options.threads) for peer in (*PEERS, OWN[task])}
            line = ", ".join(f"{peer} {score.value:.3f}" for peer, score in found[kind][name].items())
            print(f"{task} {kind} {name}: {line} ({time.perf_counter() - started:.0f} s)", flush=True)
    return found


def _mean(found: dict[str, dict[str, Score]]) -> dict[str, Score]:
    """Each peer's mean over sets, which count alike; the bootstrap draws sets, and of each set one of its own draws."""
    peers = next(iter(found.values()))
    pick = np.random.default_rng(1).integers(0, len(found), (DRAWS, len(found)))
    means = {}
    for peer in peers:
        draws = np.stack([one[peer].draws for one in found.values()], 1)
        # a set that is drawn twice comes with two of its own draws, the same for all peers
        rows = (np.arange(DRAWS)[:, None] + 17 * np.arange(len(found))) % DRAWS
        value = float(np.mean([one[peer].value for one in found.values()]))
        means[peer] = Score(value, draws[rows, pick].mean(1))
    return means


def _difference(found: dict[str, Score], a: str, b: str) -> tuple[float, float, float]:
    """Difference and its interval, so wide that all pairs' intervals hold at once in 95 of 100 cases."""
    tail = 0.025 / math.comb(len(found), 2)
    low, high = np.quantile(found[a].draws - found[b].draws, (tail, 1 - tail))
    return found[a].value - found[b].value, float(low), float(high)


def agreement(found: dict[str, dict[str, dict[str, Score]]]) -> dict[str, Any]:
    """Scores, ranks, and what each pair of peers shows on both sides."""
    means = {kind: _mean(of) for kind, of in found.items()}
    peers = list(means["real"])
    pairs = []
    for a, b in itertools.combinations(peers, 2):
        real, made = (_difference(means[kind], a, b) for kind in ("real", "simulated"))
        decided = all(low > 0 or high < 0 for _, low, high in (real, made))
        verdict = ("agrees" if real[0] * made[0] > 0 else "reversed") if decided else "open"
        pairs.append({"pair": [a, b], "real": real, "simulated": made, "verdict": verdict})
    values = {kind: [of[peer].value for peer in peers] for kind, of in means.items()}
    tau = float(kendalltau(values["real"], values["simulated"]).statistic)
    counts = {word: sum(pair["verdict"] == word for pair in pairs) for word in ("agrees", "open", "reversed")}
    return {
        "peers": {
            peer: {kind: round(of[peer].value, 4) for kind, of in means.items()}
            | {"sets": {name: round(one[peer].value, 4) for of in found.values() for name, one in of.items()}}
            for peer in peers
        },
        "kendall_tau": round(tau, 3),
        **counts,
        "holds": counts["reversed"] == 0 and tau > 0,
        "pairs": pairs,
    }


def table(report: dict[str, Any]) -> str:
    """The readings as Markdown."""
    lines = ["| Task | Peer | Real | Simulated |", "|---|---|---|---|"]
    for task, one in report.items():
        lines += [
            f"| {task} | {peer} | {row['real']:.3f} | {row['simulated']:.3f} |" for peer, row in one["peers"].items()
        ]
    for task, one in report.items():
        lines.append(
            f"\n{task}: tau {one['kendall_tau']:+.2f}; pairs agree {one['agrees']}, open {one['open']}, "
            f"reversed {one['reversed']}: the guard {'holds' if one['holds'] else 'does not hold'}"
        )
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the real sets")
    made.add_argument("--tasks", nargs="+", default=list(OWN), choices=list(OWN))
    made.add_argument("--seeds", type=int, nargs="+", default=[1, 2], help="simulated worlds")
    made.add_argument("--background", type=int, default=3000, help="random background rows of a real region")
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--json", type=Path, help="write the readings here")
    return made


def main() -> int:
    """Run, print the table, and write JSON if asked; 1 if the guard does not hold."""
    options = parser().parse_args()
    report = {task: agreement(measure(task, options)) for task in options.tasks}
    print(table(report))
    if options.json:
        readings = {"what": "earth", "design": "transfer", "seeds": options.seeds, "tasks": report}
        options.json.write_text(json.dumps(readings) + "\n", encoding="utf-8")
    return 0 if all(one["holds"] for one in report.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
