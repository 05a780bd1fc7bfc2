"""Species from records of where they were found, climate and relief: suitability, against a survey that is apart."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from swath.cli.demos.maps import layer_file, read_values, window_of
from swath.cli.demos.stage import Shown, Stage
from swath.grid import Area
from swath.grid.lonlat import from_lonlat
from swath.mapping import Plan
from swath.mapping.picture import Panel, draw
from swath.products import Product

if TYPE_CHECKING:
    from swath.synthetic import Published

SIMULATED = "12.32,47.72,12.55,47.83"
AREA, PERIOD = "12.30,47.70,12.57,47.88", "2023/P1Y"  # what the granules cover
TILE_SIZE, METRES = 384, 120
RECIPE = "species-demo"
LEAST = 5  # presences and absences of a species in the survey, to be scored


def run(stage: Stage) -> Shown:
    """Simulate, train, map, compare with the survey, draw."""
    from swath.synthetic import Labels, Simulated
    from swath.training.species import SpeciesConfig, layer_names
    from swath.training.species.course import train_species

    made = stage.earth(
        "earth-species", SIMULATED, "2023-06/2023-07/P2M",
        collections=(Simulated.CLIMATE, Simulated.ELEVATION), labels=(Labels.OCCURRENCES, Labels.SURVEY),
    )  # fmt: skip
    grid = [f"output.grid.resolution={METRES}", f"output.grid.tile_size={TILE_SIZE}"]
    product = Product.load("species").with_overrides(grid)
    stage.out.say(f"training species on {AREA}")
    started = time.monotonic()
    trained = train_species(
        stage.request(product, AREA, PERIOD, made), str(made.files[Labels.OCCURRENCES]),
        stage.folder / "training-species",
        config=SpeciesConfig.load(RECIPE), say=stage.out.say,
    )  # fmt: skip
    stage.out.say(f"trained in {time.monotonic() - started:.0f} s")
    package = stage.released(trained.package, "species")
    plan, result = stage.mapped(stage.request(product, AREA, PERIOD, made, package))
    scores = scores_of(plan, made)
    figures = {
        "species": len(scores), "auc": float(scores["auc"].mean()), "auc_of_truth": float(scores["best"].mean()),
        "by_species": scores.round(3).to_dict("index"),
    }  # fmt: skip
    shown = str(scores["auc"].sort_values().index[len(scores) // 2])  # neither the best nor the worst
    (layer,) = layer_names((shown,))
    window = window_of(plan, AREA)
    drawn = draw(
        stage.folder / "species.png",
        [
            Panel(
                f"Suitability for {shown}", read_values(layer_file(plan, layer), window), label="rank, 0 to 1",
                note=f"AUC at an independent survey {scores.loc[shown, 'auc']:.2f}; who knows the truth "
                f"{scores.loc[shown, 'best']:.2f}",
            ),
            Panel("The truth", true_suitability(made, shown, window), label="share of surveys that would find it"),
            Panel(
                "Relative richness", read_values(layer_file(plan, "relative_richness"), window), label="mean rank",
                note=f"of {len(trained.presences)} species; no number of species",
            ),
            Panel(
                "Where the model guesses", read_values(layer_file(plan, "out_of_range"), window),
                label="per cent of a predictor's range", note="beyond what it has seen",
            ),
        ],
        pixel_m=METRES, title="Swath: relative suitability from records that were made near roads and towns",
    )  # fmt: skip
    told = f"mean of {len(scores)} species {figures['auc']:.3f}; who knows the truth {figures['auc_of_truth']:.3f}"
    lines = [("AUC at a survey", told), ("left out", f"{len(trained.left_out)} species with too few records")]
    return Shown("species", result.collection, drawn, figures, lines, package.folder)


def scores_of(plan: Plan, made: Published) -> pd.DataFrame:
    """AUC of each species at the places of the survey: of the map, and of the true suitability."""
    from swath.synthetic import Labels
    from swath.training.metrics import auc
    from swath.training.species import layer_names

    survey = pd.read_csv(made.files[Labels.SURVEY])
    truth = pd.read_csv(made.truth.parent / Labels.SURVEY.file)
    rows = survey.merge(truth, on="occurrenceID")
    west, south, east, north = Area.parse(AREA).bbox
    lon, lat = rows["decimalLongitude"], rows["decimalLatitude"]
    rows = rows[lon.between(west, east) & lat.between(south, north)]
    window = window_of(plan, AREA)
    known = {layer.name for layer in plan.layers}
    found = {}
    for name, some in rows.groupby("scientificName"):
        (layer,) = layer_names((str(name),))
        seen = (some["occurrenceStatus"] == "PRESENT").to_numpy(np.float64)
        if layer not in known or min(seen.sum(), (1 - seen).sum()) < LEAST:
            continue
        value = at_places(read_values(layer_file(plan, layer), window), window, some)
        good = np.isfinite(value)
        if min(seen[good].sum(), (1 - seen[good]).sum()) < LEAST:
            continue
        best = auc(seen[good], some["suitability"].to_numpy(np.float64)[good])
        found[str(name)] = {
            "auc": float(auc(seen[good], value[good])),
            "best": float(best),
            "presences": int(seen.sum()),
        }
    return pd.DataFrame.from_dict(found, orient="index")


def at_places(values: NDArray[np.float64], window: GeoBox, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Values under records; NaN outside."""
    lon, lat = (rows[name].to_numpy(np.float64) for name in ("decimalLongitude", "decimalLatitude"))
    x, y = from_lonlat(str(window.crs)).transform(lon, lat)
    bounds, edge = window.boundingbox, abs(window.resolution.x)
    col, row = ((x - bounds.left) // edge).astype(int), ((bounds.top - y) // edge).astype(int)
    inside = (row >= 0) & (row < values.shape[0]) & (col >= 0) & (col < values.shape[1])
    out = np.full(len(rows), np.nan)
    out[inside] = values[row[inside], col[inside]]
    return out


def true_suitability(made: Published, name: str, window: GeoBox) -> NDArray[np.float64]:
    """The true suitability for a species over a window, NaN where it is not told."""
    import json

    parts: list[NDArray[Any]] = []
    for item in sorted(Path(made.truth.parent, "truth-species").glob("*/*.json")):
        bands = [band["name"] for band in json.loads(item.read_text())["assets"]["suitability"]["bands"]]
        parts.append(read_values(item.parent / "suitability.tif", window, band=bands.index(name) + 1))
    stack = np.array(parts)
    return np.where(np.isnan(stack).all(axis=0), np.nan, np.nanmax(np.where(np.isnan(stack), -np.inf, stack), axis=0))
