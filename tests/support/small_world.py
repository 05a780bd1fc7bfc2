"""A simulated Earth of two granules and two months, mapped in a second: for tests of the whole and of its faults."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.command import swath
from swath.synthetic import COLLECTION, publish

BANDS = ("B04", "B08")


@dataclass(frozen=True)
class SmallWorld:
    """The archive, and what to ask for: two tiles of 192 px by two months."""

    folder: Path
    area: str = "12.50,47.70,12.515,47.71"
    period: str = "2023-06/2023-07/P1M"

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    @property
    def catalog(self) -> Path:
        return self.archive / "catalog.json"

    @property
    def scenes(self) -> list[Path]:
        """Folders of the scenes, in order of time."""
        folders = [path.parent for path in (self.archive / COLLECTION).glob("*/*.json")]
        return sorted(folders, key=lambda folder: (folder.name.split("_")[2], folder.name))

    def copy(self, folder: Path) -> "SmallWorld":
        """A world of one's own to break."""
        shutil.copytree(self.archive, folder / "archive")
        return SmallWorld(folder, self.area, self.period)

    def request(self, store: object, *more: object, source: object = None) -> list[object]:
        """What follows `swath map` and `swath plan`: two bands, so that it is quick."""
        given = [str(word) for word in more]
        period = [] if "--period" in given else ["--period", self.period]
        area = [] if "--area" in given else ["--area", self.area]
        bands = f"inputs.0.bands=[{','.join(BANDS)}]"
        return [
            "mosaic", *area, *period, "--source", source or self.catalog, "--store", store,
            "--tile-size", 192, "--set", bands, *given,
        ]  # fmt: skip

    def map(self, store: object, *more: object, source: object = None) -> tuple[int, dict]:
        """`swath map` in this process: (exit code, document)."""
        return swath("map", *self.request(store, "--cluster", "inline", *more, source=source))


def item_of(scene: Path) -> Path:
    """The item file of a scene's folder."""
    return scene / f"{scene.name}.json"


def change_item(scene: Path, change: object) -> None:
    """Rewrite a scene's item by a function of it."""
    item = json.loads(item_of(scene).read_text())
    change(item)
    item_of(scene).write_text(json.dumps(item))


def fingerprints(store: Path) -> dict[str, str]:
    """sha256 of all that was published; what tells of runs, and what is hidden (a write under way), is left out."""
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(store.rglob("*"))
        if path.is_file()
        and "/runs/" not in path.as_posix()
        and not path.name.endswith("lease.json")
        and not path.name.startswith(".")
    }


def layer_bytes(store: Path) -> dict[str, str]:
    """sha256 of every COG by `<step>/<tile>/<layer>`: the key is left out, which names the inputs' addresses too."""
    return {
        f"{path.parent.parent.name}/{path.parent.name}/{path.name.split('.')[0]}": hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(store.rglob("*.tif"))
    }


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> SmallWorld:
    """Made once for the run, though several folders of tests import this fixture."""
    world = SmallWorld(tmp_path_factory.getbasetemp() / "small-world")
    if not world.folder.exists():
        publish(
            world.folder, area=tuple(map(float, world.area.split(","))), period="2023-06/2023-07", seed=3,
            granule_px=240, every_days=10,
        )  # fmt: skip
    return world


@pytest.fixture(scope="session")
def mapped(small_world: SmallWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the small world's map, undisturbed; copy it before changing it."""
    store = tmp_path_factory.getbasetemp() / "small-map"
    if not store.exists():
        code, result = small_world.map(store)
        assert code == 0, result
    return store
