"""`publish` with every sensor: what lies in the archive, and what apart from it."""

import hashlib
from pathlib import Path

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pystac
import pytest
import rasterio
from rio_cogeo import cog_validate

from support.stac_validation import validate_stac
from swath.errors import NoItemsError, RequestError
from swath.sources import collection, identify
from swath.sources.items import absolute_hrefs, item_assets
from swath.synthetic import BIOMASS, CLEAR, COVER, SKY, SPECIES, Cloud, Labels, Published, Simulated, Sky, publish
from swath.synthetic.climate_layers import layers
from swath.synthetic.clouds import classes
from swath.synthetic.interpreted import interpreted
from swath.synthetic.window import Window

WHERE = {"area": (11.9999, 51.43, 12.0001, 51.4301), "period": "2023-06-01/2023-06-08", "seed": 7, "granule_px": 60}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(
        tmp_path_factory.mktemp("earth") / "sensors", **WHERE, collections=tuple(Simulated),
        labels=tuple(Labels), workers=2,
    )  # fmt: skip


def items(catalog: Path) -> dict[str, list[pystac.Item]]:
    return {child.id: list(child.get_items()) for child in pystac.Catalog.from_file(str(catalog)).get_children()}


def test_each_sensor_has_a_collection_of_its_own(whole):
    found = items(whole.catalog)
    assert set(found) == {sensor.collection for sensor in Simulated}
    ids = [item.id for entries in found.values() for item in entries]
    assert len(ids) == len(set(ids))
    assert {scene.id for scene in whole.scenes} < set(ids)


def test_files_are_what_the_facts_of_their_collection_say(whole):
    for name, entries in items(whole.catalog).items():
        facts = collection(name)
        for entry in entries:
            raw = absolute_hrefs(entry.to_dict(), str(Path(entry.get_self_href()).absolute()), facts)
            assert identify(raw).key == name
            assets = item_assets(raw, facts)
            missing = {band for band in facts.bands if band not in assets}
            assert all(facts.bands[band].optional for band in missing), (entry.id, missing)
            for band, asset in assets.items():
                known = facts.bands[band]
                with rasterio.open(asset.href) as file:
                    assert file.dtypes[asset.index - 1] == known.dtype, (name, band)
                    assert file.nodata == known.nodata and file.res == (known.gsd, known.gsd), (name, band)
                    assert entry.properties["proj:code"] == f"EPSG:{file.crs.to_epsg()}"


def test_every_file_is_a_cog_with_the_checksum_that_its_item_tells(whole):
    for entries in items(whole.catalog).values():
        for asset in entries[0].assets.values():
            path = Path(asset.get_absolute_href())
            valid, errors, _ = cog_validate(path)
            assert valid, errors
            assert asset.extra_fields["file:checksum"] == "1220" + hashlib.sha256(path.read_bytes()).hexdigest()
            with rasterio.open(path) as file:
                assert list(file.transform)[:6] == asset.extra_fields["proj:transform"]


def test_the_truth_of_every_scene_under_a_sky_stands_apart_in_five_classes(whole):
    found = items(whole.truth)
    assert set(found) == {SKY, COVER, CLEAR, BIOMASS, SPECIES}
    looked = {scene.id for scene in whole.scenes if scene.collection != Simulated.RADAR.collection}
    assert {item.id for item in found[SKY]} == looked
    for item in found[SKY]:
        sky, clouds = (rasterio.open(item.assets[key].get_absolute_href()).read(1) for key in ("sky", "clouds"))
        assert set(np.unique(clouds)) <= {int(code) for code in Cloud}
        assert ((clouds == Cloud.NODATA) == (sky == Sky.NODATA)).all()
        assert ((clouds == Cloud.THICK) == (sky == Sky.OPAQUE)).all()
        assert (np.isin(sky, (Sky.THIN, Sky.CIRRUS)) == (clouds == Cloud.THIN)).all()
    archive = "".join(path.read_text() for path in whole.catalog.parent.rglob("*.json"))
    assert "truth" not in archive


def test_day_and_night_and_both_directions_are_told_in_the_items(whole):
    found = items(whole.catalog)
    radar = {item.properties["sat:orbit_state"] for item in found[Simulated.RADAR.collection]}
    assert radar == {"ascending", "descending"}
    for item in found[Simulated.THERMAL.collection]:
        night = item.properties["view:sun_elevation"] < 0
        assert ("red" not in item.assets) == night == item.properties["swath:night"]


def test_climate_is_one_file_a_zone_with_room_to_interpolate(whole):
    entries = items(whole.catalog)[Simulated.CLIMATE.collection]
    assert sorted(item.id for item in entries) == ["sim-climate_32n", "sim-climate_33n"]
    with rasterio.open(entries[0].assets["climate"].get_absolute_href()) as file:
        left, top = int(file.transform.c) // 10, int(file.transform.f) // 10
        window = Window(file.crs.to_epsg(), left, top, 96 * file.height, 96 * file.width)
        assert np.array_equal(file.read(), layers(7, window))
        assert file.descriptions[4] == "bio12"


def test_each_kind_of_labels_has_its_truth_in_a_file_of_the_same_name_apart(whole):
    assert set(whole.files) == set(Labels)
    for path in whole.files.values():
        assert path.parent == whole.catalog.parent and (whole.truth.parent / path.name).exists()
    assert "agb" not in pq.read_schema(whole.files[Labels.FOOTPRINTS]).names
    assert "true" not in geopandas.read_file(whole.files[Labels.CLOUDS], layer="thermal").columns


def test_true_suitability_lies_on_cells_of_100_m_with_a_band_a_species(whole):
    entry = items(whole.truth)[SPECIES][0]
    with rasterio.open(entry.assets["suitability"].get_absolute_href()) as file:
        assert file.res == (100, 100) and file.transform.c % 100 == 0 and file.count == 30
        assert 0 <= file.read().min() and file.read().max() <= 1
        assert all(" " in name for name in file.descriptions)  # genus and epithet


def test_squares_of_clouds_tell_the_class_of_their_scene_and_a_few_lie(world, site, takes, monkeypatch):
    monkeypatch.setattr("swath.synthetic.interpreted.SPACING", 200)  # many on little land
    found = []
    for take in takes(site, 16):
        image = world.observe(take, site)
        clouds = classes(image.sky, np.zeros(image.sky.shape, np.float32))
        squares = interpreted(take, "x", clouds, epsg=32633, left=450_000.0, top=5_700_000.0, edge=20)
        part = interpreted(take, "y", clouds[60:, 60:], epsg=32633, left=451_200.0, top=5_698_800.0, edge=20)
        inside = {entry["id"]: entry["class"] for entry in squares}
        assert len(part) < len(squares)
        # the same from another granule
        assert all(inside[entry["id"]] == entry["class"] for entry in part)
        found += squares
    names = {entry["true"] for entry in found}
    assert {"clear", "thin", "thick", "shadow"} <= names
    assert 0.01 < np.mean([entry["true"] != entry["class"] for entry in found]) < 0.08


def test_a_scene_is_the_same_whatever_is_asked_for_beside_it(whole, tmp_path):
    one = publish(tmp_path / "earth", **WHERE, collections=("radar", "l1c"), labels=(), workers=1)
    assert set(items(one.catalog)) == {Simulated.RADAR.collection, Simulated.L1C.collection}
    assert not one.labels.exists() and not one.files
    files = sorted(path for path in one.catalog.parent.rglob("*.tif"))
    assert files
    for path in files:
        assert path.read_bytes() == (whole.catalog.parent / path.relative_to(one.catalog.parent)).read_bytes()


def test_static_layers_need_no_pass(tmp_path):
    made = publish(
        tmp_path / "earth", area=(14.35, 51.40, 14.351, 51.401), period="2023-06-05/2023-06-05", seed=7,
        granule_px=60, collections=("elevation", "climate"), labels=(),
    )  # fmt: skip
    assert made.scenes == () and set(items(made.catalog)) == {"swath-simulated-elevation", "swath-simulated-climate"}


def test_what_does_not_exist_cannot_be_asked_for(tmp_path):
    with pytest.raises(RequestError, match=r"'sonar'\. Choose among optical, l1c, thermal, radar, elevation, climate"):
        publish(tmp_path, **WHERE, collections=("sonar",))
    with pytest.raises(RequestError, match="'gossip'"):
        publish(tmp_path, **WHERE, labels=("gossip",))
    with pytest.raises(RequestError, match="Nobody can name clouds on radar scenes"):
        publish(tmp_path, **WHERE, collections=("radar",), labels=("clouds",))
    with pytest.raises(RequestError, match="No collection"):
        publish(tmp_path, **WHERE, collections=())
    with pytest.raises(RequestError, match="1 faults do not fit into 0 scenes"):
        publish(tmp_path, **WHERE, collections=("radar",), corrupt=("missing",))
    with pytest.raises(NoItemsError, match="Ask for 8 days or more"):
        publish(tmp_path, **(WHERE | {"period": "2023-06-04/2023-06-04"}), collections=("thermal",))
    assert not list(tmp_path.iterdir())


def test_items_are_valid_stac(whole):
    for catalog in (whole.catalog, whole.truth):
        for entries in items(catalog).values():
            validate_stac(entries[0].to_dict())


@pytest.mark.real
def test_items_keep_to_the_extensions_that_they_name(whole, real_data):
    schemas = real_data / "stac-schemas"
    here = {f"{path.stem.rpartition('-')[0]}/v{path.stem.rpartition('-')[2]}" for path in schemas.glob("*.json")}
    for catalog in (whole.catalog, whole.truth):
        for entries in items(catalog).values():
            entry = entries[0].to_dict()
            named = entry["stac_extensions"]
            entry["stac_extensions"] = [uri for uri in named if "/".join(uri.split("/")[3:5]) in here]
            assert entry["stac_extensions"]
            validate_stac(entry, schemas)
