import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from swath.errors import AreaError
from swath.grid import owner_zone, zone_domain
from swath.grid.zones import check_latitudes


@pytest.mark.parametrize(
    ("lon", "lat", "zone"),
    [
        (5.32, 60.39, 32),  # Bergen: 32V reaches west to 3 E
        (2.99, 60.39, 31),
        (5.32, 55.99, 31),
        (5.32, 64.0, 31),
        (15.6, 78.2, 33),  # Longyearbyen
        (8.99, 75.0, 31),
        (9.0, 75.0, 33),
        (20.99, 75.0, 33),
        (21.0, 75.0, 35),
        (33.0, 75.0, 37),
        (41.99, 84.0, 37),
        (42.0, 75.0, 38),
        (9.0, 71.99, 32),
        (36.8, -1.3, -37),  # Nairobi
        (36.8, 0.0, 37),
        (179.99, 10.0, 60),
        (180.0, 10.0, 1),
        (-180.0, 10.0, 1),
        (190.0, 10.0, 2),
        (10.0, 84.01, 0),
        (10.0, -80.01, 0),
        (10.0, -80.0, -32),
        (float("nan"), 10.0, 0),
    ],
)
def test_owner_follows_mgrs_and_its_exceptions(lon, lat, zone):
    assert owner_zone(lon, lat) == zone


def test_owner_keeps_the_shape_of_its_input():
    lon, lat = np.meshgrid(np.linspace(-180, 180, 7), np.linspace(-80, 84, 5))
    assert owner_zone(lon, lat).shape == (5, 7)


@given(st.floats(-180, 179.999999), st.floats(-80, 84))
def test_a_place_lies_in_the_domain_of_its_owner(lon, lat):
    zone = int(owner_zone(lon, lat))
    assert zone_domain(abs(zone), "n" if zone > 0 else "s").distance(shapely.Point(lon, lat)) < 1e-9


@pytest.mark.parametrize("half", ["n", "s"])
def test_domains_cover_the_world_without_overlap(half):
    domains = [zone_domain(zone, half) for zone in range(1, 61)]
    height = 84.0 if half == "n" else 80.0
    assert sum(domain.area for domain in domains) == pytest.approx(360.0 * height)
    assert shapely.union_all(domains).area == pytest.approx(360.0 * height)


def test_beyond_utm_the_refusal_names_a_polar_grid():
    with pytest.raises(AreaError, match=r"84 N.*EPSG:6931"):
        check_latitudes(70, 85, what="Area x")
    with pytest.raises(AreaError, match=r"80 S.*EPSG:6932"):
        check_latitudes(-81, -70, what="Area x")
