"""One small published world for the whole run of this room's tests."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from swath.synthetic import Datatake, Fault, Fleet, Published, Window, World, publish
from swath.synthetic.orbits import OPTICAL


@pytest.fixture(scope="session")
def world() -> World:
    return World(7)


@pytest.fixture(scope="session")
def site() -> Window:
    """2.4 km of land with a lake, forest and fields."""
    return Window(32633, 45000, 570000, 240, 240)


@pytest.fixture(scope="session")
def plain() -> Window:
    """4 km of lowland with fields of all crops, forest, a pond and the edge of a town."""
    return Window(32633, 50080, 539990, 400, 400)


@pytest.fixture(scope="session")
def takes(world: World) -> Callable[..., list[Datatake]]:
    """The first passes of a fleet over a window from a day on."""

    def find(window: Window, count: int, fleet: Fleet = OPTICAL, first: date = date(2023, 5, 1)) -> list[Datatake]:
        found: list[Datatake] = []
        day = first
        while len(found) < count:
            found += world.passes(window, day, None, fleet)
            day += timedelta(days=1)
        return found[:count]

    return find


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
