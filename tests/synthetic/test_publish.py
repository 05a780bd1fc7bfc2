import hashlib
import json
from pathlib import Path

import geopandas
import numpy as np
import pystac
import pytest
import rasterio
from rio_cogeo import cog_validate

from swath.errors import AreaError, GridError, NoItemsError, RequestError, StoreError
from swath.synthetic import CLEAR, COLLECTION, COVER, SKY, Fault, Published, publish
from swath.synthetic.granules import granules


def items(catalog: Path) -> dict[str, list[pystac.Item]]:
    root = pystac.Catalog.from_file(str(catalog))
    return {child.id: list(child.get_items()) for child in root.get_children()}


def whole(published: Published) -> list:
    return [scene for scene in published.scenes if scene.fault is None]


def test_the_archive_is_a_static_catalog_with_relative_links(published):
    found = items(published.catalog)
    assert list(found) == [COLLECTION]
    assert {item.id for item in found[COLLECTION]} == {scene.id for scene in published.scenes}
    for link in json.loads(published.catalog.read_text())["links"]:
        assert not link["href"].startswith("/")


def test_the_truth_is_another_catalog(published):
    assert set(items(published.truth)) == {SKY, COVER, CLEAR}
    archive = "".join(p.read_text() for p in published.catalog.parent.rglob("*.json"))
    assert "truth" not in archive and "fault" not in archive


def test_every_file_is_a_cog_of_its_dtype_with_no_data_zero(published):
    scene = whole(published)[0]
    for path in sorted(scene.item.parent.glob("*.tif")):
        valid, errors, _ = cog_validate(path)
        assert valid, errors
        with rasterio.open(path) as file:
            assert file.nodata == 0
            assert file.dtypes == (("uint8",) if path.stem == "SCL" else ("uint16",))
            assert file.res == ((10, 10) if path.stem in ("B02", "B03", "B04", "B08") else (20, 20))
            assert file.crs.to_epsg() == scene.granule.window.epsg


def test_items_say_what_the_files_are(published):
    for scene in whole(published):
        item = pystac.Item.from_file(str(scene.item))
        assert item.properties["s2:processing_baseline"] == scene.take.baseline
        assert item.properties["s2:datatake_id"] == scene.take.id
        for key, asset in item.assets.items():
            path = Path(asset.get_absolute_href())
            with rasterio.open(path) as file:
                assert list(file.shape) == asset.extra_fields["proj:shape"], key
                assert list(file.transform)[:6] == asset.extra_fields["proj:transform"], key
            assert asset.extra_fields["file:checksum"] == "1220" + hashlib.sha256(path.read_bytes()).hexdigest()


def test_flags_lie_for_some_items_and_the_baseline_never_does(published):
    lies = [scene for scene in whole(published) if scene.lying]
    assert lies and len(lies) < len(published.scenes)
    for scene in whole(published):
        entry = json.loads(scene.item.read_text())
        told = entry["assets"]["B04"]["raster:offset"] != 0
        assert (told != (scene.take.offset > 0)) == scene.lying
        assert (scene.take.offset > 0) == (entry["properties"]["s2:processing_baseline"] >= "04.00")


def test_the_area_is_seen_in_two_zones_whose_granules_overlap(published):
    assert {granule.window.epsg for granule in published.granules} == {32632, 32633}
    first, *rest = (granule.footprint() for granule in published.granules)
    assert any(first.intersection(other).area > 0 for other in rest)


def test_neighbours_in_a_zone_overlap_and_the_sky_runs_on(world, tmp_path):
    squares = granules((14.35, 51.40, 14.40, 51.42), 96, 12)
    left = squares[0].window
    right = next(g.window for g in squares if g.window.top == left.top and g.window.left == left.left + 84)
    from datetime import date

    take = world.passes(left, date(2023, 6, 2))[0]
    a, b = world.observe(take, left), world.observe(take, right)
    assert np.array_equal(a.bands["B03"][:, 84:], b.bands["B03"][:, :12])
    assert np.array_equal(a.sky[:, 42:], b.sky[:, :6])


@pytest.mark.parametrize(("area", "zones"), [((4.9, 60.3, 5.0, 60.4), {32632}), ((16.0, 78.0, 16.1, 78.02), {32633})])
def test_granules_lie_in_the_zone_that_owns_the_place(area, zones):
    assert {granule.window.epsg for granule in granules(area, 1098, 108)} == zones


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    def digest(folder: Path, workers: int) -> dict[str, str]:
        publish(
            folder, area=(14.35, 51.40, 14.351, 51.401), period="2023-06-01/2023-06-07", seed=3, granule_px=60,
            workers=workers,
        )  # fmt: skip
        files = [p for p in sorted(folder.rglob("*")) if p.suffix in (".tif", ".json")]
        return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    assert digest(tmp_path / "one", 1) == digest(tmp_path / "two", 3)


@pytest.mark.parametrize("fault", list(Fault))
def test_each_fault_is_there_on_request(published, fault):
    scene = next(scene for scene in published.scenes if scene.fault is fault)
    entry, folder = json.loads(scene.item.read_text()), scene.item.parent
    if fault is Fault.TRUNCATED:
        with pytest.raises(rasterio.errors.RasterioIOError), rasterio.open(folder / "B04.tif") as file:
            file.read()
    elif fault is Fault.MISSING:
        assert "B08" in entry["assets"] and not (folder / "B08.tif").exists()
    elif fault is Fault.NO_ASSET:
        assert "B11" not in entry["assets"]
    elif fault is Fault.DTYPE:
        with rasterio.open(folder / "B03.tif") as file:
            assert file.dtypes == ("float32",) and entry["assets"]["B03"]["data_type"] == "uint16"
    elif fault is Fault.CRS:
        with rasterio.open(folder / "B03.tif") as file:
            assert entry["properties"]["proj:code"] != f"EPSG:{file.crs.to_epsg()}"
    else:
        assert entry["properties"]["eo:cloud_cover"] > 70


def test_truth_land_cover_is_the_worlds(published):
    granule = published.granules[0]
    item = next(item for item in items(published.truth)[COVER] if item.id.startswith(granule.id))
    with rasterio.open(item.assets["land_cover"].get_absolute_href()) as file:
        assert np.array_equal(file.read(1), published.world.landcover_of(granule.window, 2023))


def test_labels_carry_10_to_30_percent_noise_by_polygon(published, world):
    told = geopandas.read_file(published.labels)
    known = geopandas.read_file(published.truth.parent / "labels.gpkg")
    assert "true" not in told.columns and list(told["id"]) == list(known["id"])
    from swath.synthetic.granules import Granule
    from swath.synthetic.labels import labels
    from swath.synthetic.window import Window

    many = labels(world, Granule("x", Window(32633, 45000, 570000, 400, 400)), 2023)
    wrong = np.mean([entry["class"] != entry["true"] for entry in many])
    assert len(many) > 80 and 0.10 < wrong < 0.30


def test_bad_requests_are_refused_before_any_work(tmp_path):
    good = {"area": (14.35, 51.40, 14.36, 51.41), "period": "2023-06-01/2023-06-10", "granule_px": 60}
    with pytest.raises(RequestError, match="melted"):
        publish(tmp_path, **good, corrupt=("melted",))
    with pytest.raises(GridError, match="61 px"):
        publish(tmp_path, **(good | {"granule_px": 61}))
    with pytest.raises(AreaError):
        publish(tmp_path, **(good | {"area": (14.0, 51.0, 14.0, 51.0)}))
    with pytest.raises(NoItemsError, match="2023-06-05"):
        publish(tmp_path, **(good | {"period": "2023-06-05/2023-06-05"}), every_days=400)
    (tmp_path / "archive").mkdir()
    with pytest.raises(StoreError, match="already"):
        publish(tmp_path, **good)
    assert not (tmp_path / "truth").exists()


def test_an_archive_of_a_country_is_refused_before_any_work(tmp_path):
    with pytest.raises(AreaError, match=r"takes \d+ granules of 11 km\. Simulate at most 64"):
        publish(tmp_path / "earth", area=(9.5, 46.4, 17.2, 49.0), period="2023-06/P1M")
    assert not list(tmp_path.iterdir())
