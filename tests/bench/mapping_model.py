"""Mapping with a model end to end against the sum of its bare parts, in one run, on the same windows and cores.

    python -m tests.bench.mapping_model [--tile-size 1536] [--tiles 2] [--dates 4] [--steps 1] [--repeats 3] [--ray 1]

As `tests.bench.mapping`, for the shipped land cover by a U-Net of random weights (7 bands, 11 classes) over a median of
`--dates` dates. The bare parts: decode (the windows that the units read, halo included), kernel (mask and median in
memory), network (a bare ONNX Runtime session of the same options and threads, as many windows as the units run, random
numbers), encode (class, confidence and count), put. Beside them, `compute`: the second stage of the units over cubes
that lie in memory, with nothing read or written at the same time; `network_of_compute` is the bare session's time over
it: at least 0.95 is wanted. Normalising, softmax, blending, classes and their confidence are overhead.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from tests.bench import archive, mapping

from swath.grid import Period, Tile, parse_tile
from swath.mapping.making import ModelMaker, Read
from swath.mapping.packages import plan_package
from swath.mapping.plan import Plan
from swath.mapping.units import Unit
from swath.models import Package, Provenance
from swath.models.backends.onnx import session_options
from swath.models.cubes import model_tile
from swath.models.spec import BandInput, ClassesOutput, InputSpec, ModelSpec, NetworkSpec, PartSpec
from swath.planning import MapRequest
from swath.products import Product

BANDS = ("B02", "B03", "B04", "B05", "B08", "B11", "B12")


def write_package(
    folder: Path, classes: tuple[str, ...], *, window: int, width: int, levels: int, gsd: float = 10
) -> Package:
    """A package of a U-Net with random weights; its margin is its reach.

    Args:
        folder: To make.
        classes: Names.
        window: Pixels.
        width: Of the U-Net.
        levels: Of the U-Net.
        gsd: Sampling distance, metres.
    """
    import torch

    from swath.models.export import export_onnx
    from swath.models.network import Network

    parts = NetworkSpec(
        encoder=PartSpec(name="unet", settings={"width": width, "levels": levels}), head=PartSpec(name="segmentation")
    )
    bands = tuple(BandInput(name=name, mean=0.25, std=0.1) for name in BANDS)

    def spec(margin: int) -> ModelSpec:
        asked = InputSpec(
            bands=bands, unit="reflectance", gsd=gsd, window=window, stride=window - 2 * margin, margin=margin
        )
        return ModelSpec(name="bench", input=asked, output=ClassesOutput(classes=classes), network=parts)

    torch.manual_seed(0)
    network = Network.build(spec(0))
    assert network.reach is not None
    with torch.no_grad():
        for weights in network.head.parameters():
            weights *= 30  # else every pixel has about the same scores, and classes and confidence pack to nothing
    made = spec(-(-network.reach // network.multiple) * network.multiple)
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as name:
        graph = Path(name, "model.onnx")
        export_onnx(network.eval(), made.input, graph)
        return Package.write(folder, made, provenance=Provenance(licence="other"), onnx=graph)


def request_with(
    product: Product, package: Package, *, resolution: float = 10
) -> Callable[[Path, str, argparse.Namespace], MapRequest]:
    """What makes a request of the archive: a product of classes with a model."""

    def ask(source: Path, period: str, options: argparse.Namespace) -> MapRequest:
        grid = [f"output.grid.tile_size={options.tile_size}", f"output.grid.resolution={resolution:g}"]
        chosen = product.with_overrides([*grid, *options.set]).with_model(package.spec, package.digest)
        edge = round(options.tile_size * resolution / 10)
        return MapRequest(chosen, archive.area(options.tiles, edge), Period.parse(period), str(source), package)

    return ask


class ModelParts(mapping.Parts):
    """The bare parts of the units of a plan with a model."""

    names: ClassVar[tuple[str, ...]] = ("decode", "kernel", "network", "encode", "put")
    beside: ClassVar[tuple[str, ...]] = ("compute",)

    def __init__(self, plan: Plan, threads: int) -> None:
        import onnxruntime

        assert plan.product.model_spec is not None
        self.input = plan.product.model_spec.input
        self.maker = ModelMaker(plan, threads=threads, strip_bytes=mapping.STRIP_BYTES)
        self.read: dict[str, Read] = {}
        self.windows_of: dict[str, int] = {}
        super().__init__(plan, threads)
        self.session = onnxruntime.InferenceSession(
            str(plan_package(plan).path("model.onnx")), session_options(threads), providers=["CPUExecutionProvider"]
        )
        self.x = np.random.default_rng(0).normal(size=self.input.shape(1)).astype(np.float32)
        self.network_windows = sum(self.windows_of[unit.tile] for unit in self.units)

    def lattice(self, unit: Unit) -> Tile:
        """What is read for a unit: its tile with the halo."""
        return model_tile(parse_tile(unit.tile), self.input)[0]

    def _layers(self) -> dict[str, dict[str, np.ndarray]]:
        backend = self.maker.predictor._backend
        assert backend.batch == 1
        start, begun = backend.start, [0]

        def counted(inputs: Any) -> Any:
            begun[0] += 1
            return start(inputs)

        backend.start = counted  # type: ignore[method-assign]
        made = {}
        for unit in self.units:
            if unit.tile in made:
                continue
            begun[0] = 0
            read = self.maker.read(unit, parse_tile(unit.tile), [self.items.scenes(unit.items)])
            made[unit.tile] = self.maker.layers(read)
            self.read[unit.tile], self.windows_of[unit.tile] = read, begun[0]
        backend.start = start  # type: ignore[method-assign]
        return made

    def network(self) -> None:
        """As many windows as all units run."""
        name = self.session.get_inputs()[0].name
        for _ in range(self.network_windows):
            self.session.run(None, {name: self.x})

    def compute(self) -> None:
        """Layers of all units, from cubes in memory."""
        for unit in self.units:
            self.maker.layers(self.read[unit.tile])


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Readings of `tests.bench.mapping`, and the network's share."""
    product = Product.load("landcover")
    assert product.model is not None and product.model.legend is not None
    classes = tuple(c.name for c in product.model.legend.classes)
    package = write_package(
        folder / "package", classes, window=options.window, width=options.width, levels=options.levels
    )
    report = mapping.measure(folder, options, ask=request_with(product, package), parts_of=ModelParts)
    parts = report["parts"]
    return report | {
        "what": "mapping_model",
        "margin": package.spec.input.margin,
        **{
            f"network_of_{what}": [
                round(a / b, 3) for a, b in zip(parts["network"][kind], parts["compute"][kind], strict=True)
            ]
            for what, kind in (("compute", "wall"), ("compute_by_cpu", "cpu"))
        },
    }


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = mapping.parser(__doc__)
    made.add_argument("--window", type=int, default=512)
    made.add_argument("--width", type=int, default=16)
    made.add_argument("--levels", type=int, default=4)
    made.set_defaults(dates=4, steps=1)
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
