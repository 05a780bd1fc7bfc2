"""What the fault tests share: the small world over HTTP, and short waits."""

import pytest

from support.small_world import mapped, small_world  # noqa: F401
from swath.settings import settings


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Waits between tries of hundredths of a second."""
    monkeypatch.setenv("SWATH_BACKOFF_S", "0.01")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def served(small_world, file_server, tmp_path):  # noqa: F811
    """The small world over HTTP: the server, and the address of the catalog."""
    (tmp_path / "earth").symlink_to(small_world.archive)
    return file_server, f"{file_server.url}/earth/catalog.json"
