"""What several tests of assessment share."""

import geopandas
import pytest
import shapely

from swath.assessment import Zones

from .good_map import Broken, good  # noqa: F401


@pytest.fixture(scope="session")
def regions(tmp_path_factory):
    boxes = [shapely.box(12.0, 47.70, 12.01, 47.71), shapely.box(12.01, 47.70, 12.0189, 47.71)]
    small = shapely.box(12.0191, 47.705, 12.0196, 47.7055)
    path = tmp_path_factory.mktemp("regions") / "regions.gpkg"
    names = ["west", "east", "small", "elsewhere"]
    shapes = [*boxes, small, shapely.box(13, 47, 13.1, 47.1)]
    geopandas.GeoDataFrame({"name": names}, geometry=shapes, crs=4326).to_crs(32633).to_file(path)
    return Zones.read(path, column="name")


@pytest.fixture
def broken(good, tmp_path):  # noqa: F811
    return Broken.copy(good, tmp_path)
