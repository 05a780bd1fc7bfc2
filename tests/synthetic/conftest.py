"""One small published world for the whole run of this room's tests."""

import pytest

from swath.synthetic import Fault, Published, Window, World, publish


@pytest.fixture(scope="session")
def world() -> World:
    return World(7)


@pytest.fixture(scope="session")
def site() -> Window:
    """2.4 km of land with a lake, forest and fields."""
    return Window(32633, 45000, 570000, 240, 240)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Two zones over 12 E, 12 days, every fault once."""
    return publish(
        tmp_path_factory.mktemp("earth") / "small",
        area=(11.995, 51.43, 12.005, 51.435),
        period="2023-06-01/2023-06-12",
        seed=7,
        granule_px=120,
        corrupt=tuple(Fault),
        lying=0.7,
        workers=2,
    )
