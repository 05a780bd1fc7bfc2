"""What a plan says against what its run takes, on areas other than the one that was calibrated on.

    python -m tests.bench.plan_actual [--days 10] [--repeats 2] [--tile-size 192] [--json FILE]

A mosaic of the simulated Earth: an area of its own is calibrated on over two months, then two other months of three
areas elsewhere on that Earth are planned and mapped, in this process. Beside bytes and CPU seconds stands the sum of
the stages' wall times; on a machine that others use, only CPU seconds tell anything of time.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from swath.grid import Area, Period
from swath.mapping import carry_out, make_plan, price
from swath.mapping.calibrate import calibrate
from swath.planning import MapRequest
from swath.planning.rates import keep_rates
from swath.products import Product
from swath.settings import settings
from swath.store import Store
from swath.synthetic import publish

#: west, south, east, north: on two zones, with one to several granules a tile
CALIBRATED = "12.52,47.70,12.56,47.73"
AREAS = {"south": "12.95,46.90,13.00,46.93", "west": "9.40,47.30,9.44,47.34", "north": "12.10,49.20,12.14,49.22"}
PUBLISHED, SEASONS, MAPPED = "2023-05/2023-08/P1M", ("2023-05/P1M", "2023-08/P1M"), "2023-06/2023-07/P1M"
GRANULE = 480  # pixels
BAR = (0.75, 1.25)
BANDS = "[B02,B03,B04,B08]"


def request(product: Product, area: str, period: str, catalog: Path) -> MapRequest:
    """A map of one area."""
    return MapRequest(product=product, area=Area.parse(area), period=Period.parse(period), source=str(catalog))


def earth(folder: Path, area: str, days: int) -> Path:
    """An archive over one area, made once."""
    if not (folder / "archive" / "catalog.json").exists():
        publish(
            folder, area=Area.parse(area), period=PUBLISHED, seed=5, every_days=days, granule_px=GRANULE, labels=()
        )  # fmt: skip
    return folder / "archive" / "catalog.json"


def read(product: Product, area: str, catalog: Path, folder: Path) -> dict[str, Any]:
    """Plan, map, and both side by side."""
    plan = make_plan(request(product, area, MAPPED, catalog), Store.open(folder))
    told = price(plan).to_dict()
    begun = time.perf_counter()
    result = carry_out(plan, cluster="inline")
    if result.failed or result.stopped:
        raise SystemExit(f"{area}: {result.failed} units failed {result.stopped}")
    actual, stages = result.actual, sum(result.actual["used"]["stage_s"].values())
    ratios = {name: row["ratio"] for name, row in actual["beside_plan"].items()}
    return {
        "units": told["amounts"]["units"],
        "scenes": told["amounts"]["scenes"],
        "basis": told["rates"]["cpu_a_sample"]["basis"],
        "of_plan": ratios,
        "used": actual["used"],
        "wall_s": time.perf_counter() - begun,
        "stage_s": stages,
        "load": os.getloadavg()[0],
    }


def main() -> None:
    """Run, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=10, help="between two scenes of an archive")
    parser.add_argument("--repeats", type=int, default=2, help="of calibration and maps")
    parser.add_argument("--tile-size", type=int, default=192)
    parser.add_argument("--folder", type=Path, help="keep the archives here, for another run")
    parser.add_argument("--json", type=Path, help="write all readings here")
    options = parser.parse_args()
    product = Product.load("mosaic").with_overrides(
        [f"output.grid.tile_size={options.tile_size}", f"inputs.0.bands={BANDS}"]
    )
    report: dict[str, Any] = {"options": {"days": options.days, "tile_size": options.tile_size}, "areas": {}}
    with tempfile.TemporaryDirectory(prefix="swath-plan-actual-") as scratch:
        os.environ["SWATH_RATES"] = f"{scratch}/rates"
        settings.cache_clear()
        archives = options.folder or Path(scratch)
        catalogs = {
            name: earth(archives / name, area, options.days)
            for name, area in {"calibrated": CALIBRATED, **AREAS}.items()
        }
        report["rates"] = []
        for repeat in range(options.repeats):
            seasons = [request(product, CALIBRATED, season, catalogs["calibrated"]) for season in SEASONS]
            rates = calibrate(seasons)
            keep_rates(rates)
            report["rates"].append(rates.model_dump(mode="json"))
            for name, area in AREAS.items():
                reading = read(product, area, catalogs[name], Path(scratch, f"{name}-{repeat}"))
                report["areas"].setdefault(name, []).append(reading)
    ratios = [
        reading["of_plan"][what]
        for readings in report["areas"].values()
        for reading in readings
        for what in ("bytes_in", "bytes_out", "cpu_s")
    ]
    report["within"] = all(BAR[0] <= ratio <= BAR[1] for ratio in ratios)
    text = json.dumps(report, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
