"""Network throughput inside the predictor against the bare ONNX Runtime session, on the same windows and threads.

    python -m tests.bench.predict [--windows 3] [--window 512] [--margin 32] [--repeats 3] [--threads 2] [--json FILE]

A U-Net (width 16, four levels, 7 bands, 11 classes) over a synthetic cube of integers, windows x windows of them. A
repeat measures, one after the other,

- `bare`: the session over the normalised windows, which lie in memory already;
- `swath`: `Predictor.strips` over the cube: normalise, run, softmax, blend, no-data;
- the same without the network (`around`), which says what the rest costs.

`of_bare` is the bare time over the predictor's time, windows a second in both: at least 0.95 is wanted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from swath.cube import LayerFacts
from swath.cube.lattice import Window
from swath.models.backends import Weights
from swath.models.backends.onnx import session_options
from swath.models.cubes import ModelCube
from swath.models.normalise import Normaliser
from swath.models.predictor import Predictor
from swath.models.spec import BandInput, ClassesOutput, InputSpec, ModelSpec, NetworkSpec, PartSpec

BANDS, CLASSES = 7, 11
FACTS = LayerFacts("uint16", 0, 0.0001, -0.1, "1", "reflectance")


class Folder:
    """A package that is no more than its spec and one file."""

    digest = "bench"

    def __init__(self, folder: Path, spec: ModelSpec) -> None:
        self.folder, self.spec = folder, spec

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return self.path(name).exists()

    def path(self, name: str) -> Path:
        """Where it lies."""
        return self.folder / name


def model(options: argparse.Namespace) -> ModelSpec:
    """The card."""
    bands = tuple(BandInput(name=f"B{number:02}", mean=0.15, std=0.08) for number in range(1, BANDS + 1))
    stride = options.window - 2 * options.margin - options.overlap
    return ModelSpec(
        name="bench",
        input=InputSpec(
            bands=bands, unit="reflectance", gsd=10, window=options.window, stride=stride, margin=options.margin
        ),
        output=ClassesOutput(classes=tuple(f"class {number}" for number in range(CLASSES))),
        network=NetworkSpec(
            encoder=PartSpec(name="unet", settings={"width": options.width, "levels": 4}),
            head=PartSpec(name="segmentation"),
        ),
    )


def export(spec: ModelSpec, path: Path) -> None:
    """The network with fresh weights, as ONNX."""
    import torch

    from swath.models.export import export_onnx
    from swath.models.network import Network

    torch.manual_seed(0)
    export_onnx(Network.build(spec).eval(), spec.input, path, batch=1)


def timed(call: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock, and of CPU."""
    started, worked = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - started, time.process_time() - worked


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Times of each way, and ratios within a repeat."""
    import onnxruntime

    spec = model(options)
    package: Weights = Folder(folder, spec)
    export(spec, folder / "model.onnx")
    predictor = Predictor(package, backend="onnx", threads=options.threads)
    lattice = predictor.lattice
    edge = options.windows * lattice.stride
    # with an overlap, a tile begins in the middle of a core: take one that begins where a core does
    origin = lattice.start(0) + lattice.margin + lattice.overlap // 2
    halo = predictor.halo((origin, origin), (edge, edge))
    size = edge + 2 * halo
    rng = np.random.default_rng(0)
    layers = tuple(rng.integers(1000, 6000, (size, size), dtype=np.uint16) for _ in range(BANDS))
    cube = ModelCube((layers,), (FACTS,) * BANDS, np.float32([180]), (origin - halo, origin - halo))
    inner = Window(halo, halo + edge, halo, halo + edge)

    starts = [lattice.start(number) - cube.origin[0] for number in lattice.over(origin, origin + edge)]
    normaliser = Normaliser.of(spec.input, cube.facts)
    inputs = []
    for top in starts:
        for left in starts:
            x = np.empty(spec.input.shape(1), np.float32)
            valid = np.empty((1, lattice.window, lattice.window), np.uint8)
            normaliser.valid(cube.layers, top, left, valid)
            normaliser.fill_input(cube.layers, valid, top, left, x[0][None])
            inputs.append(x)
    session = onnxruntime.InferenceSession(
        str(folder / "model.onnx"),
        session_options(options.threads, spin=options.spin_bare),
        providers=["CPUExecutionProvider"],
    )
    name = session.get_inputs()[0].name

    def bare() -> None:
        for x in inputs:
            session.run(None, {name: x})

    def ours() -> None:
        for _ in predictor.strips(cube, inner):
            pass

    scores = np.zeros((1, CLASSES, lattice.window, lattice.window), np.float32)

    def around() -> None:
        backend = predictor._backend
        start = backend.start
        backend.start = lambda given: lambda: scores  # type: ignore[method-assign]
        try:
            ours()
        finally:
            backend.start = start  # type: ignore[method-assign]

    ways = {"bare": bare, "swath": ours, "around": around}
    for call in ways.values():
        call()
    readings: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(options.repeats):
        for way, call in ways.items():
            readings[way].append(timed(call))
    wall = {way: [reading[0] for reading in found] for way, found in readings.items()}
    cpu = {way: [reading[1] for reading in found] for way, found in readings.items()}
    pixels = len(inputs) * options.window**2
    return {
        "what": "predict",
        "machine": {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "options": {key: value for key, value in vars(options).items() if key != "json"},
        "windows": len(inputs),
        "stride": lattice.stride,
        "million_window_pixels_a_second": round(pixels / statistics.median(wall["bare"]) / 1e6, 3),
        "of_bare": [round(b / s, 4) for b, s in zip(wall["bare"], wall["swath"], strict=True)],
        "of_bare_by_cpu": [round(b / s, 4) for b, s in zip(cpu["bare"], cpu["swath"], strict=True)],
        "around_of_bare": [round(a / b, 4) for a, b in zip(wall["around"], wall["bare"], strict=True)],
        "seconds": {way: [round(second, 3) for second in seconds] for way, seconds in wall.items()},
        "cpu_seconds": {way: [round(second, 3) for second in seconds] for way, seconds in cpu.items()},
    }


def main() -> None:
    """Run, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--windows", type=int, default=3, help="along an edge")
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--margin", type=int, default=32)
    parser.add_argument("--overlap", type=int, default=0, help="pixels that cores share")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--spin-bare", action="store_true", help="let the bare session's threads spin while they wait")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as name:
        report = measure(Path(name), options)
    print(json.dumps(report, indent=1))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
