"""Mapping end to end against the sum of its bare parts, in one run, on the same windows and cores.

    python -m tests.bench.mapping [--tile-size 1536] [--tiles 2] [--dates 12] [--steps 3] [--repeats 3] [--json FILE]

Maps the shipped mosaic (seven bands at 10 m of four bands at 10 m and three at 20 m, a mask at 20 m, median, count) of
tiles x tiles x steps units over local COGs. A repeat measures, one after the other and each with as many threads as
there are cores,

- `inline`: plan, units and publication, in this process;
- `ray`: the same through a Ray cluster of this machine that stands already (with --ray), actors included;
- the bare parts: decode (rasterio opens each file and reads each unit's window), kernel (mask and median on arrays in
  memory), encode (COGs of the layers, and their checksums), put (their bytes to the store).

`of_parts` is a way's time over the sum of the parts of the same repeat: by CPU seconds (of the actors too), which
neighbours on the machine disturb less, and by wall time. `steady` is the time a unit from the first item written to the
last: what a long run takes, without its start. Harmonising, upsampling 20 m bands, books, items and publication are
overhead: the parts do not have them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import rasterio
from rasterio.windows import Window, from_bounds
from tests.bench import archive
from tests.bench.watch import Watch

from swath.cluster import connect
from swath.cube import compose
from swath.cube.composite import Reducer
from swath.cube.gdal import gdal_env
from swath.cube.masks import dropped
from swath.cube.slots import slots_of
from swath.grid import Period, Tile, parse_tile
from swath.mapping import carry_out, make_plan
from swath.mapping.cog import encode_cog
from swath.mapping.layers import layers_of
from swath.mapping.plan import Plan
from swath.mapping.units import Unit
from swath.planning import MapRequest
from swath.products import Product
from swath.store import Store, names
from swath.store.ledger import read_stats

STRIP_BYTES = 2 * 2**30  #: for dates in memory, where units are read to be measured


@dataclass
class Readings:
    """Seconds of wall time and of CPU, by way, a number a repeat; `steady`: seconds a unit within a run."""

    wall: dict[str, list[float]] = field(default_factory=dict)
    steady: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def of(self, way: str) -> Iterator[None]:
        """Time the block; CPU of this process alone."""
        before, started = _cpu(), time.perf_counter()
        yield
        self.wall.setdefault(way, []).append(time.perf_counter() - started)
        self.cpu.setdefault(way, []).append(_cpu() - before)


def _cpu() -> float:
    """CPU seconds of this process."""
    times = os.times()
    return times.user + times.system


def request(source: Path, period: str, options: argparse.Namespace) -> MapRequest:
    """The mosaic over the archive."""
    product = Product.load("mosaic").with_overrides(
        [f"output.grid.tile_size={options.tile_size}", "output.grid.resolution=10", *options.set]
    )
    return MapRequest(product, archive.area(options.tiles, options.tile_size), Period.parse(period), str(source))


class Parts:
    """The bare parts of the units of a plan.

    Args:
        plan: Of the units.
        threads: As many as the units get.
    """

    names: ClassVar[tuple[str, ...]] = ("decode", "kernel", "encode", "put")  #: their sum is what ways are held against
    beside: ClassVar[tuple[str, ...]] = ()  #: measured with them, and not of the sum

    def __init__(self, plan: Plan, threads: int) -> None:
        self.plan, self.threads = plan, threads
        self.units: list[Unit] = [unit for unit in plan.units() if unit.scenes]
        self.items = plan.items()
        self.spec, self.facts = plan.spec, plan.collection
        self.bands = list(dict.fromkeys([*self.spec.bands, *(rule.band for rule in self.spec.masks)]))
        self.windows = [self._windows(unit) for unit in self.units]
        self.layers = self._layers()
        self.stacks = self._stacks()
        self.cogs: list[bytes] = []

    def lattice(self, unit: Unit) -> Tile:
        """What is read for a unit."""
        return parse_tile(unit.tile)

    def _windows(self, unit: Unit) -> list[tuple[str, Any]]:
        bounds = self.lattice(unit).bounds
        found = []
        for scene in self.items.scenes(unit.items):
            for band in self.bands:
                with rasterio.open(scene.assets[band].href) as file:
                    window = from_bounds(*bounds, file.transform).round(3)
                    inside = window.intersection(Window(0, 0, file.width, file.height))
                    found.append((scene.assets[band].href, inside))
        return found

    def _layers(self) -> dict[str, dict[str, np.ndarray]]:
        """Layers of each tile, as one unit of it has them."""
        made = {}
        for unit in self.units:
            if unit.tile not in made:
                tile = parse_tile(unit.tile)
                composite = compose(
                    self.items.scenes(unit.items), tile, self.spec, collection=self.facts, threads=self.threads
                )
                made[unit.tile] = layers_of(composite, self.plan.layers, self.facts)
        return made

    def _stacks(self) -> tuple[Any, list[np.ndarray], np.ndarray]:
        """Slots, dates and masks of one unit, decoded and on its lattice."""
        unit = self.units[0]
        tile = self.lattice(unit)
        slots = slots_of(self.items.scenes(unit.items), tile.crs)
        reducer = Reducer(self.spec, self.facts)

        def numbers(href: str) -> np.ndarray:
            with rasterio.open(href) as file:
                window = from_bounds(*tile.bounds, file.transform).round(3)
                read = file.read(1, window=window, boundless=True, fill_value=0)
            times = tile.shape[0] // read.shape[0]
            return np.kron(read, np.ones((times, times), read.dtype))

        stacks = [
            np.stack(
                [np.stack([numbers(scene.assets[band].href).ravel() for band in group.bands]) for scene in slots.scenes]
            )
            for group in reducer.groups
        ]
        masks = np.zeros((len(slots.scenes), stacks[0].shape[2]), np.uint8)
        for rule in self.spec.masks:
            for row, scene in enumerate(slots.scenes):
                masks[row] |= dropped(numbers(scene.assets[rule.band].href), rule, self.facts.bands[rule.band]).ravel()
        return slots, stacks, masks

    def decode(self) -> None:
        """Open each file of each unit and read the unit's window, into arrays that stand."""
        every = [entry for windows in self.windows for entry in windows]

        def work(entries: list[tuple[str, Any]]) -> None:
            standing: dict[tuple[int, int, str], np.ndarray] = {}
            with gdal_env():
                for href, window in entries:
                    with rasterio.open(href) as file:
                        key = (int(window.height), int(window.width), file.dtypes[0])
                        out = standing.setdefault(key, np.empty(key[:2], key[2]))
                        file.read(1, window=window, out=out)

        self._all(work, [every[n :: self.threads] for n in range(self.threads)])

    def kernel(self) -> None:
        """Mask and median of each unit, on one unit's arrays in memory."""
        slots, stacks, masks = self.stacks
        reducer = Reducer(self.spec, self.facts)
        pixels = stacks[0].shape[2]
        edges = np.linspace(0, pixels, 4 * self.threads + 1).astype(int)
        out = reducer.outputs(pixels, slots.observations)
        for _ in self.units:
            self._all(lambda part: reducer.reduce(stacks, masks, slots, out, *part), list(itertools.pairwise(edges)))

    def encode(self) -> None:
        """COGs of the layers of each unit."""
        self.cogs = []
        for unit in self.units:
            tile = parse_tile(unit.tile)
            for layer in self.plan.layers:
                numbers = self.layers[unit.tile][layer.name]
                self.cogs.append(
                    encode_cog(numbers, layer, affine=tile.affine, crs=tile.crs, threads=self.threads).data
                )

    def put(self, store: Store) -> None:
        """The bytes of the COGs, a file each."""
        for number, data in enumerate(self.cogs):
            store.put_bytes(f"bare/{number}.tif", data)

    def _all(self, work: Callable[[Any], None], parts: list[Any]) -> None:
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(work, parts))


Ask = Callable[[Path, str, argparse.Namespace], MapRequest]


def measure(
    folder: Path, options: argparse.Namespace, *, ask: Ask = request, parts_of: type[Parts] = Parts
) -> dict[str, Any]:
    """Seconds of each way and part, and ratios of the same repeat.

    Args:
        folder: For stores, and the archive unless the options name its folder.
        options: Of the command line.
        ask: Makes the request of a file of items and a period.
        parts_of: The bare parts.
    """
    data = options.folder or folder
    data.mkdir(exist_ok=True)
    shape = {"tiles": options.tiles, "tile_size": options.tile_size, "dates": options.dates}
    if not (data / f"{options.dates - 1:02}_SCL.tif").exists():
        archive.write_files(data, **shape)
    source, period = archive.write_items(data, "items.json", **shape, steps=options.steps)
    asked = ask(source, period, options)
    threads = len(os.sched_getaffinity(0))
    parts = parts_of(make_plan(asked, Store.open(folder / "parts")), threads)
    readings, details = Readings(), []
    store_of = iter(folder / f"store-{number}" for number in range(10_000))

    def mapped(way: str, cluster: str, workers: int | None = None) -> None:
        root = next(store_of)
        with Watch() as watch, readings.of(way):
            plan = make_plan(asked, Store.open(root))
            result = carry_out(plan, cluster=cluster, workers=workers)
        readings.cpu[way][-1] += sum(watch.cpu.values())
        if result.done != len(parts.units):
            raise SystemExit(f"{result.done} of {len(parts.units)} units were made: {result.failures[:1]}")
        readings.steady.setdefault(way, []).append(_between(plan))
        details.append({"way": way, **_stages(plan)})
        shutil.rmtree(root)

    for _ in range(options.repeats):
        load = os.getloadavg()[0]
        mapped("inline", "inline")
        details[-1]["load"] = round(load, 1)
        for part in (*parts.names[:-1], *parts.beside):
            with readings.of(part):
                getattr(parts, part)()
        with readings.of("put"):
            parts.put(Store.open(folder / "bare"))
        shutil.rmtree(folder / "bare")
        for workers in options.ray:
            with connect("local"):
                mapped(f"ray, {workers} workers", "auto", workers)
    return _report(options, parts, readings, details)


def _between(plan: Plan) -> float:
    """Seconds a unit from the first item written to the last: how fast a long run is, starts and ends left out."""
    keys = [names.item_key(plan.root, unit.step, unit.tile, unit.key) for unit in plan.units() if unit.scenes]
    written = [os.stat(plan.store.url(key)).st_mtime for key in keys]
    return (max(written) - min(written)) / max(1, len(written) - 1)


def _stages(plan: Plan) -> dict[str, Any]:
    """Seconds by stage, summed over the units, from the run's own readings."""
    table = read_stats(plan.store, plan.root, plan.run)
    return {
        name: round(sum(table[name].to_pylist()), 2)
        for name in table.column_names
        if name.startswith("seconds_") and table.num_rows
    }


def _report(options: argparse.Namespace, parts: Parts, readings: Readings, details: list[dict]) -> dict[str, Any]:
    sums = {
        kind: [sum(values) for values in zip(*(getattr(readings, kind)[part] for part in parts.names), strict=True)]
        for kind in ("wall", "cpu")
    }
    report: dict[str, Any] = {
        "what": "mapping",
        "options": {k: v for k, v in vars(options).items() if k not in {"json", "folder"}},
        "units": len(parts.units),
        "threads": parts.threads,
        "parts": {
            part: {kind: [round(v, 2) for v in getattr(readings, kind)[part]] for kind in ("wall", "cpu")}
            for part in (*parts.names, *parts.beside)
        },
        "sum": {kind: [round(v, 2) for v in values] for kind, values in sums.items()},
        "ways": {},
        "stages": details,
    }
    for way in readings.steady:
        wall, cpu = readings.wall[way], readings.cpu[way]
        report["ways"][way] = {
            "wall": [round(v, 2) for v in wall],
            "cpu": [round(v, 2) for v in cpu],
            "of_parts_by_wall": [round(a / b, 3) for a, b in zip(wall, sums["wall"], strict=True)],
            "of_parts_by_cpu": [round(a / b, 3) for a, b in zip(cpu, sums["cpu"], strict=True)],
            "steady_s_a_unit": [round(v, 3) for v in readings.steady[way]],
        }
        if way != "inline":
            for kind in ("wall", "cpu", "steady"):
                pairs = zip(getattr(readings, kind)[way], getattr(readings, kind)["inline"], strict=True)
                report["ways"][way][f"of_inline_by_{kind}"] = [round(a / b, 3) for a, b in pairs]
    return report


def parser(about: str | None = __doc__) -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, help="write the readings here too")
    made.add_argument("--folder", type=Path, help="keep the archive here, and take it up if it is there")
    made.add_argument("--tile-size", type=int, default=1536)
    made.add_argument("--tiles", type=int, default=2, help="tiles along each edge of the archive")
    made.add_argument("--dates", type=int, default=12)
    made.add_argument("--steps", type=int, default=3)
    made.add_argument("--repeats", type=int, default=3)
    made.add_argument(
        "--ray", type=int, nargs="*", default=[], metavar="WORKERS", help="through Ray with so many actors"
    )
    made.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="override a product's field")
    return made


def main() -> None:
    """Run, print, and write JSON if asked."""
    options = parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as name:
        report = measure(Path(name), options)
    text = json.dumps(report, indent=1, default=str)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
