"""Where a demo runs, and what each of its parts comes to."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swath.cli.options import ClusterName
from swath.cli.output import Output
from swath.cli.registry import write_page
from swath.cli.shown import show_plan
from swath.cli.train import epoch_line
from swath.errors import RunFailedError, StoreError
from swath.grid import Area, Period
from swath.mapping import Plan, RunResult, carry_out, make_plan
from swath.models import Package
from swath.planning import MapRequest
from swath.products import Product
from swath.registry import Registry
from swath.runs import StopSignal
from swath.store import Store

if TYPE_CHECKING:
    from swath.synthetic import Published
    from swath.training.recipe import Recipe

SEED = 7  # of the world: all parts are of one Earth
MARK = ".swath-demo"  # a folder without it is not ours to delete


@dataclass(frozen=True)
class Shown:
    """What a part of the demo made.

    Attributes:
        name: Of the part.
        map: URL of the map's collection.
        picture: The map beside the truth.
        figures: Of the comparison with the truth, JSON-ready.
        lines: The same for people, a name and a text each.
        model: Folder of the package.
    """

    name: str
    map: str
    picture: Path
    figures: dict[str, Any]
    lines: Sequence[tuple[str, str]]
    model: Path | None = field(default=None)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        model = {} if self.model is None else {"model": str(self.model.resolve())}
        return {"map": self.map, "picture": str(self.picture.resolve()), **model, **self.figures}

    @property
    def rows(self) -> list[tuple[str, str]]:
        """For people."""
        model = [] if self.model is None else [("model", str(self.model.resolve()))]
        return [*self.lines, ("map", self.map), ("picture", str(self.picture.resolve())), *model]


@dataclass(frozen=True)
class Stage:
    """Where a demo runs.

    Attributes:
        out: Where it tells what it does.
        folder: Of all that it makes.
        cluster: That maps are made on.
    """

    out: Output
    folder: Path
    cluster: ClusterName

    @classmethod
    def cleared(cls, out: Output, folder: Path, cluster: ClusterName) -> Stage:
        """An empty folder; one that an earlier demo made is emptied.

        Raises:
            StoreError: It holds something else.
        """
        if folder.exists() and any(folder.iterdir()):
            if not (folder / MARK).exists():
                raise StoreError(
                    f"{folder} is not empty and was not made by the demo.", fix="Give another folder with --out."
                )
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).touch()
        return cls(out, folder, cluster)

    def earth(self, name: str, area: str, period: str, **more: Any) -> Published:
        """Simulate an archive; see `swath.synthetic.publish`."""
        from swath.synthetic import publish

        self.out.say(f"simulating an archive over {area}, {period}")
        made = publish(self.folder / name, area=Area.parse(area), period=Period.parse(period), seed=SEED, **more)
        self.out.say(f"{len(made.scenes)} scenes in {len(made.granules)} granules: {made.catalog}")
        return made

    def request(
        self, product: Product, area: str, period: str, made: Published, package: Package | None = None
    ) -> MapRequest:
        """A product over an area and a period of an archive, by a model where one is given."""
        if package is not None:
            product = product.with_model(package.spec, package.digest)
        return MapRequest(product, Area.parse(area), Period.parse(period), str(made.catalog), package)

    def mapped(self, request: MapRequest) -> tuple[Plan, RunResult]:
        """Plan and map into the demo's store.

        Raises:
            RunFailedError: A unit failed.
        """
        plan = make_plan(request, Store.open(self.folder / "store"), say=self.out.say)
        if not self.out.json:
            show_plan(self.out.console, plan)
        with StopSignal() as asked:
            result = carry_out(
                plan, cluster=self.cluster.value, display=self.out.display, should_stop=asked, say=self.out.say
            )
        if result.failed:
            raise RunFailedError(f"{result.failed} units failed: {result.failures[0]['error']['message']}")
        return plan, result

    def trained(self, request: MapRequest, labels: Path, recipe: Recipe, folder: str) -> Package:
        """Train a model as `swath train` does, in this process, and release it; see `released`."""
        from swath.training.course import train_model

        started, name = time.monotonic(), request.product.name
        self.out.say(f"training {name} on {request.area.name}")
        made = train_model(
            request, str(labels), self.folder / folder,
            recipe=recipe, cluster="inline", display=self.out.display, say=self.out.say,
            on_epoch=lambda reading: self.out.say(epoch_line(reading, recipe.train.epochs)),
        )  # fmt: skip
        self.out.say(f"trained in {time.monotonic() - started:.0f} s")
        return self.released(Package.open(made.package.folder), name)

    def released(self, package: Package, name: str) -> Package:
        """Register a model under `<folder>/models` as production, and write its card as `<folder>/<name>.html`."""
        registry = Registry.open(self.folder / "models")
        version, _ = registry.register(package, name=name)
        registry.promote(version, "production")
        write_page(package, self.folder / f"{name}.html", name=f"{name}@production", registry=registry.store.root)
        self.out.say(f"registered as {version} in {registry.store.root}")
        return package
