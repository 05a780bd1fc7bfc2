"""Species from presence-only records: the shipped recipe beside MaxEnt and trees, scored on independent surveys.

    python tests/bench/species.py --data DIR --regions NSW,SA,SWI [--json [FILE]] [--seeds 1] [--processes 2]

DIR holds a folder a region: `train_presence_only`, `train_background`, `test_environment` and `test_presence_absence`,
each .parquet or .csv (columns spid, occ, group, siteid, x, y, then predictors), or it lies in DIR/species-nceas. Every
species is scored on the survey's rows of its own group. One setting for all species and regions:

- `ours`: `fit_species` with the recipe that ships; what is scored is the package's own graph;
- `maxent`: elapid's MaxEnt with its defaults, 10,000 random places;
- `trees`: class-balanced trees (each draws as many background rows as presences), the same random places;
- `target_group`: class-balanced trees, boosted trees and a weighted elastic net on places where others of the group
  were recorded, averaged by rank;
- `place`: class-balanced trees on x and y alone: what coordinates tell.

The background of ours is set by the sampling argument in the recipe; nothing here is chosen by a score. Differences are
paired, species by species, with a 95 % bootstrap interval over species.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from swath.training.metrics import auc, boyce, compare_units, tss
from swath.training.species import SpeciesConfig, fit_species, suitability
from swath.training.tables import Table, TableSchema

Array = NDArray[Any]
KEYS = ("siteid", "spid", "x", "y", "occ", "group")
#: Predictors that are codes, in these regions and in others of the same benchmark
CODES = ("vegsys", "calc", "ontveg", "toxicats", "age")
PEERS = ("maxent", "trees", "target_group")
WAYS = ("ours", *PEERS, "place")
MEASURES = ("auc", "tss", "boyce")


class Region:
    """One region of the benchmark.

    Args:
        folder: Of its four tables.
        codes: Names of predictors that are codes.
    """

    def __init__(self, folder: Path, codes: Sequence[str] = CODES) -> None:
        self.name = folder.name
        self.records, self.background = _table(folder, "train_presence_only"), _table(folder, "train_background")
        self.survey = _table(folder, "test_environment")
        self.truth = _table(folder, "test_presence_absence")
        for frame in (self.records, self.survey, self.truth):
            frame["group"] = frame["group"].fillna("all") if "group" in frame else "all"
        predictors = [name for name in self.background.columns if name not in KEYS]
        self.codes = [name for name in predictors if name in codes]
        self.numbers = [name for name in predictors if name not in codes]
        self.species = sorted(self.records["spid"].unique())
        self.levels = {
            name: tuple(sorted({int(code) for frame in self.frames for code in frame[name].unique()}))
            for name in self.codes
        }
        self.group = dict(zip(self.records["spid"], self.records["group"], strict=True))
        keys = list(zip(self.survey["group"], self.survey["siteid"].astype(str), strict=True))
        self._row = {key: row for row, key in enumerate(keys)}

    @property
    def frames(self) -> tuple[pd.DataFrame, ...]:
        """Tables that have predictors."""
        return self.records, self.background, self.survey

    def schema(self, **more: str) -> TableSchema:
        """Of its tables; degrees where x and y can be such."""
        xy = self.records[["x", "y"]].abs().max()
        crs = "EPSG:4326" if xy["x"] <= 180 and xy["y"] <= 90 else "projected"
        return TableSchema(features=tuple(self.numbers), categories=self.levels, x="x", y="y", crs=crs, **more)

    def truth_of(self, species: str) -> tuple[Array, Array]:
        """Rows of the survey on which a species is scored, and whether it is there."""
        rows = self.truth[(self.truth["spid"] == species) & (self.truth["group"] == self.group[species])]
        places = [self._row[key] for key in zip(rows["group"], rows["siteid"].astype(str), strict=True)]
        return np.array(places), rows["occ"].to_numpy(np.int64)

    def columns(self, frame: pd.DataFrame, *, place: bool = False) -> Array:
        """Predictors as peers take them, a column of 0 and 1 for each code; or x and y alone."""
        if place:
            return frame[["x", "y"]].to_numpy(np.float64)
        spread = [(frame[[name]].to_numpy() == np.array(codes)).astype(float) for name, codes in self.levels.items()]
        return np.concatenate([frame[self.numbers].to_numpy(np.float64), *spread], axis=1)

    def presences(self, species: str) -> pd.DataFrame:
        """Records of a species, a place once."""
        return self.records[self.records["spid"] == species].drop_duplicates(["x", "y"])

    def target_group(self, species: str) -> pd.DataFrame:
        """Places where any species of its group was recorded."""
        return self.records[self.records["group"] == self.group[species]].drop_duplicates(["x", "y"])


@lru_cache
def region(folder: Path) -> Region:
    """A region, once a process."""
    return Region(folder)


def ours(folder: Path, seed: int) -> tuple[dict[str, Any], float]:
    """Scores of all species on their rows of the survey, by the package that `fit_species` writes; CPU seconds."""
    started = time.process_time()
    place = region(folder)
    config = SpeciesConfig.load().model_copy(update={"seed": seed, "few": "flag"})
    survey = Table.of(place.survey, place.schema(), source="survey")
    with tempfile.TemporaryDirectory(prefix="swath-species-") as where:
        package = fit_species(
            Table.of(place.records, place.schema(target="spid", group="group"), source="records"),
            Table.of(place.background, place.schema(), source="background"),
            Path(where, "model"), config=config, units=dict.fromkeys((*place.numbers, *place.codes), "1"),
        )  # fmt: skip
        found = suitability(package, survey)
    made = {name: found[place.truth_of(name)[0], row] for row, name in enumerate(place.species)}
    return made, time.process_time() - started


def peers(folder: Path, species: str, trees: int, seed: int) -> tuple[dict[str, Any], dict[str, float]]:
    """Scores of each peer on a species' rows of the survey, and CPU seconds."""
    place = region(folder)
    rows, _ = place.truth_of(species)
    survey = place.survey.iloc[rows]
    present, others, random = place.presences(species), place.target_group(species), place.background
    x, seconds, made = place.columns, {}, {}

    def timed(name: str, call: Any, *given: Any) -> Array:
        started = time.process_time()
        result = np.asarray(call(*given))
        seconds[name] = time.process_time() - started
        return result

    made["maxent"] = timed("maxent", maxent, place, present, random, survey)
    made["trees"] = timed("trees", balanced_trees, x(present), x(random), x(survey), trees, seed)
    given = x(present), x(others), x(survey)
    parts = [
        timed("target-group trees", balanced_trees, *given, trees // 2, seed),
        timed("target-group boosted", boosted_trees, *given, seed),
        timed("target-group elastic net", elastic_net, *given),
    ]
    made["target_group"] = np.mean([pd.Series(part).rank().to_numpy() for part in parts], axis=0)
    alone = [place.columns(frame, place=True) for frame in (present, random, survey)]
    made["place"] = timed("place", balanced_trees, *alone, trees // 5, seed)
    return made, seconds


def balanced_trees(present: Array, background: Array, survey: Array, trees: int, seed: int) -> Array:
    """Down-sampled random forest (Valavi et al. 2021): a tree draws as many background rows as presences."""
    from sklearn.tree import DecisionTreeClassifier

    draw, count = np.random.default_rng(seed), len(present)
    present, background, survey = (np.ascontiguousarray(part, np.float32) for part in (present, background, survey))
    truth, votes = np.repeat([1.0, 0.0], count), np.zeros(len(survey))
    for _ in range(trees):
        rows = np.concatenate(
            [present[draw.integers(0, count, count)], background[draw.integers(0, len(background), count)]]
        )
        tree = DecisionTreeClassifier(max_features="sqrt", random_state=int(draw.integers(2**31)))
        votes += tree.fit(rows, truth, check_input=False).tree_.predict(survey).reshape(len(survey), -1)[:, 1]
    return votes / trees


def boosted_trees(present: Array, background: Array, survey: Array, seed: int) -> Array:
    """LightGBM, presences and background weighing alike."""
    import lightgbm

    rows, truth = np.concatenate([present, background]), np.repeat([1.0, 0.0], [len(present), len(background)])
    weight = np.where(truth == 1, len(truth) / (2 * len(present)), len(truth) / (2 * len(background)))
    settings = {
        "objective": "binary", "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 10, "feature_fraction": 0.6,
        "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 1.0, "verbose": -1, "num_threads": 1, "seed": seed,
    }  # fmt: skip
    data = lightgbm.Dataset(rows, truth, weight=weight, params={"verbose": -1})
    return np.asarray(lightgbm.train(settings, data, 200).predict(survey, raw_score=True, num_threads=1))


def elastic_net(present: Array, background: Array, survey: Array) -> Array:
    """Logistic regression on predictors and their squares, presences and background weighing alike."""
    from sklearn.linear_model import LogisticRegression

    rows, truth = np.concatenate([present, background]), np.repeat([1.0, 0.0], [len(present), len(background)])
    mean, deviation = rows.mean(0), rows.std(0) + 1e-9

    def columns(given: Array) -> Array:
        scaled = np.clip((given - mean) / deviation, -5, 5)
        return np.concatenate([scaled, scaled**2], axis=1)

    model = LogisticRegression(
        C=1.0, l1_ratio=0.5, solver="saga", class_weight="balanced", max_iter=200, tol=1e-3, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it need not converge to the last digit
        return np.asarray(model.fit(columns(rows), truth).decision_function(columns(survey)))


def maxent(place: Region, present: pd.DataFrame, background: pd.DataFrame, survey: pd.DataFrame) -> Array:
    """elapid's MaxEnt with its defaults."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import elapid

        names = [*place.numbers, *place.codes]
        rows, given = (frame[names].to_numpy(np.float64) for frame in (pd.concat([present, background]), survey))
        model = elapid.MaxentModel(n_cpus=1)
        codes = list(range(len(place.numbers), len(names))) or None
        model.fit(rows, np.repeat([1, 0], [len(present), len(background)]), categorical=codes)
        return np.asarray(model.predict(given)).reshape(-1)


def figures(place: Region, scores: dict[str, Array]) -> dict[str, list[float]]:
    """AUC, greatest TSS and Boyce of each species."""
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    for species in place.species:
        _, truth = place.truth_of(species)
        score = np.asarray(scores[species], np.float64)
        for name, value in (
            ("auc", auc(truth, score)), ("tss", tss(truth, score)), ("boyce", boyce(score[truth == 1], score)),
        ):  # fmt: skip
            found[name].append(float(value))
    return found


def summary(place: Region, by_way: dict[str, dict[str, Array]], seconds: dict[str, float]) -> dict[str, Any]:
    """Means of a region, and the difference of ours to each peer."""
    told = {way: figures(place, scores) for way, scores in by_way.items()}
    report: dict[str, Any] = {
        "species": len(place.species),
        **{way: {name: _mean(values) for name, values in one.items()} for way, one in told.items()},
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "by_species": {way: dict(zip(place.species, one["auc"], strict=True)) for way, one in told.items()},
    }
    mine = np.array(told["ours"]["auc"])
    report["differences"] = {
        peer: compare_units(mine, np.array(told[peer]["auc"]), measure="auc", unit="species").to_dict()
        for peer in (*PEERS, "place")
    }
    return report


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All regions, ours and peers in one run."""
    started = time.perf_counter()
    root = options.data / "species-nceas" if (options.data / "species-nceas").is_dir() else options.data
    folders = [root / name for name in options.regions.split(",")]
    report: dict[str, Any] = {"what": "species", "design": "independent survey", "regions": {}}
    with ProcessPoolExecutor(options.processes) as pool:
        fits = {(f, seed): pool.submit(ours, f, seed) for f in folders for seed in range(options.seeds)}
        waiting: dict[Path, dict[str, Future[Any]]] = {
            f: {name: pool.submit(peers, f, name, options.trees, 0) for name in region(f).species} for f in folders
        }
        for folder in folders:
            place, seconds = region(folder), {}
            found = {name: future.result() for name, future in waiting[folder].items()}
            by_way = {way: {name: made[way] for name, (made, _) in found.items()} for way in (*PEERS, "place")}
            for part in next(iter(found.values()))[1]:
                seconds[part] = sum(told[part] for _, told in found.values())
            made = [fits[folder, seed].result() for seed in range(options.seeds)]
            by_way["ours"], seconds["ours"] = made[0]
            report["regions"][place.name] = summary(place, by_way, seconds)
            means = [_mean(figures(place, scores)["auc"]) for scores, _ in made]
            report["regions"][place.name]["ours"]["auc_by_seed"] = means
    report["mean_auc"] = {name: one["ours"]["auc"] for name, one in report["regions"].items()}
    report["seconds"] = round(time.perf_counter() - started, 1)
    return report


def table(report: dict[str, Any]) -> str:
    """The readings as Markdown."""
    lines = ["| Region | Way | AUC | TSS | Boyce | Ours - it (95 %) | Verdict |", "|---|---|---|---|---|---|---|"]
    for name, one in report["regions"].items():
        for way in WAYS:
            off = one["differences"].get(way)
            told = f"{off['difference']:+.3f} ({off['low']:+.3f} to {off['high']:+.3f})" if off else ""
            cells = " | ".join(f"{one[way][measure]:.3f}" for measure in MEASURES)
            lines.append(f"| {name} | {way} | {cells} | {told} | {off['verdict'] if off else ''} |")
        if len(one["ours"]["auc_by_seed"]) > 1:
            lines.append(f"\n{name}, AUC by seed: {', '.join(f'{v:.4f}' for v in one['ours']['auc_by_seed'])}\n")
    return "\n".join(lines)


def _mean(values: Sequence[float]) -> float:
    return round(float(np.nanmean(values)), 4)


def _table(folder: Path, name: str) -> pd.DataFrame:
    path = folder / f"{name}.parquet"
    return pd.read_parquet(path) if path.is_file() else pd.read_csv(folder / f"{name}.csv")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the regions, or above it")
    made.add_argument("--regions", default="NSW,SA,SWI", help="names of folders, with commas")
    made.add_argument("--json", nargs="?", const="-", help="print the report as JSON, or write it to a file")
    made.add_argument("--trees", type=int, default=1000, help="of the peer on random places; half on target groups")
    made.add_argument("--seeds", type=int, default=1, help="fits of ours, of which the first is compared")
    made.add_argument("--processes", type=int, default=2)
    return made


def main() -> None:
    """Run, print the table, and print or write JSON if asked."""
    options = parser().parse_args()
    report = run(options)
    print(table(report), file=sys.stderr if options.json == "-" else sys.stdout)
    if options.json == "-":
        print(json.dumps(report))
    elif options.json:
        Path(options.json).write_text(json.dumps(report) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
