"""One Prefect server for the run, and the small world to map."""

import os
from collections.abc import Iterator

import pytest

from support.prefect_server import PrefectServer, prefect_server
from support.small_world import mapped, small_world  # noqa: F401


@pytest.fixture(scope="session")
def prefect_running(tmp_path_factory) -> Iterator[PrefectServer]:
    """A server on SQLite, which the settings of this process name until the run ends."""
    with prefect_server(tmp_path_factory.mktemp("prefect")) as server:
        os.environ.update(server.environment)
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()
        yield server
        _drain()
        for name in server.environment:
            del os.environ[name]
        refresh_global_settings_context()


def _drain() -> None:
    """Send what Prefect's threads still hold, while the server lives."""
    import logging

    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    APILogWorker.drain_all(timeout=10)
    EventsWorker.drain_all(timeout=10)
    logging.getLogger("prefect").handlers.clear()


@pytest.fixture
def prefect(prefect_running, tmp_path, monkeypatch) -> Iterator[PrefectServer]:
    """The server; jobs of the test are kept in its own folder, and compiled kernels where they are."""
    from swath.settings import settings

    cache = tmp_path / "cache"
    cache.mkdir()
    for name in settings().cache.expanduser().glob("*"):
        if name.name not in ("jobs", "models", "trained"):
            (cache / name.name).symlink_to(name)
    monkeypatch.setenv("SWATH_CACHE", str(cache))
    monkeypatch.setenv("SWATH_PROGRESS_S", "0.5")
    settings.cache_clear()
    yield prefect_running
    settings.cache_clear()
