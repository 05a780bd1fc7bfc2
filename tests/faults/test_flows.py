"""A schedule fires; Prefect's worker or server is killed, a run is cancelled: nothing is lost, the next run goes on."""

import json
import signal
import time
from pathlib import Path

import pytest
import yaml

from support.prefect_server import PrefectServer, Worker
from support.servers import FileServer
from support.small_world import fingerprints, small_world  # noqa: F401
from support.stac_api import postgres
from swath.flows import FLOWS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
POOL = "swath"


class Line:
    """A server, a worker, and the flow `map` deployed for a store.

    Attributes:
        store: Of the map.
    """

    def __init__(self, server: PrefectServer, folder: Path, world: object, source: str) -> None:
        self.server, self.folder, self.store = server, folder, folder / "store"
        cache = {"SWATH_CACHE": str(folder / "cache"), "SWATH_PROGRESS_S": "0.5"}
        (folder / "cache").mkdir()
        for name in Path("~/.cache/swath").expanduser().glob("*"):
            if name.name in ("numba", "kernels"):
                (folder / "cache" / name.name).symlink_to(name)
        self.worker = Worker(server, POOL, cache)
        self.asked = {
            "product": "mosaic", "area": world.area, "period": world.period, "source": source,
            "store": str(self.store), "tile_size": 48, "overrides": ["inputs.0.bands=[B04,B08]"],
            "cluster": "inline", "wait_h": 0.1,
        }  # fmt: skip
        self.worker.prefect("work-pool", "create", POOL, "--type", "process")

    def deploy(self, **more: object) -> None:
        """As deploy/prefect.yaml does, by Prefect's own command."""
        told = {
            "name": "swath", "build": None, "push": None, "pull": [],
            "deployments": [
                {"name": "line", "entrypoint": FLOWS["map"], "work_pool": {"name": POOL},
                 "parameters": {"asked": self.asked}, **more}
            ],
        }  # fmt: skip
        (self.folder / "prefect.yaml").write_text(yaml.safe_dump(told))
        self.worker.prefect("deploy", "--all", folder=self.folder)

    def client(self):
        from prefect.client.orchestration import get_client
        from prefect.settings import PREFECT_API_URL, temporary_settings

        with temporary_settings({PREFECT_API_URL: self.server.url}):
            return get_client(sync_client=True)

    def run(self) -> str:
        """Run it by hand; the id of the flow run."""
        told = self.worker.prefect("deployment", "run", "map/line")
        return next(line.split("'")[0] for line in told.split("UUID: ")[1:]).split()[0]

    def state(self, run: str):
        with self.client() as client:
            return client.read_flow_run(run).state

    def runs(self):
        with self.client() as client:
            return client.read_flow_runs()

    def until(self, what, seconds: float = 150) -> object:
        """Wait for something to be true."""
        end = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < end, (self.server.folder / "worker.log").read_text()[-4000:]
            time.sleep(0.3)
        return found

    def ended(self, run: str):
        self.until(lambda: self.state(run).is_final())
        return self.state(run)

    def jobs(self) -> list[str]:
        folder = self.folder / "cache" / "jobs"
        return sorted(one.name for one in folder.glob("*")) if folder.exists() else []

    @property
    def units(self) -> int:
        """How many there are."""
        told = json.loads(next(self.store.glob("mosaic/1.0/runs/*/run.json")).read_text())
        return told["totals"]["units"]

    def made(self) -> int:
        """Units that stand."""
        return len(list(self.store.glob("mosaic/1.0/2023*/*/*.json")))


def lined(folder: Path, world: object, source: str, *, database: str | None = None):
    server = PrefectServer(folder / "prefect", database=database)
    server.start()
    return Line(server, folder, world, source)


@pytest.fixture
def slowly(small_world, tmp_path):  # noqa: F811
    """The archive over HTTP; it can be made slow."""
    server = FileServer(small_world.archive)
    yield server
    server.close()


@pytest.fixture
def line(small_world, slowly, tmp_path):  # noqa: F811
    made = lined(tmp_path, small_world, f"{slowly.url}/catalog.json")
    made.worker.start()
    try:
        yield made
    finally:
        made.worker.end()
        made.server.end()


def slow(server, seconds=1.5):
    server.fault = lambda path, asked: seconds if path.endswith(".tif") else None


def test_a_schedule_fires_and_each_run_finds_what_stands(line):
    line.deploy(schedules=[{"interval": 15, "active": True}])
    line.until(lambda: sum(run.state.is_completed() for run in line.runs() if run.state) >= 2, 300)
    assert line.made() == line.units
    assert all(run.auto_scheduled for run in line.runs())


def test_a_cancelled_run_stops_its_job_within_a_minute_and_the_next_goes_on(line, slowly):
    from prefect.states import Cancelling

    slow(slowly)
    line.deploy()
    run = line.run()
    line.until(line.made)
    begun = time.monotonic()
    with line.client() as client:
        client.set_flow_run_state(run, Cancelling())
    assert line.ended(run).is_cancelled()
    assert time.monotonic() - begun < 60
    assert (line.folder / "cache" / "jobs" / line.jobs()[0] / "exit").exists()
    made = line.made()
    assert 0 < made < line.units
    slowly.fault = None
    state = line.ended(line.run())
    assert state.is_completed(), state.message
    assert line.made() == line.units


def test_a_killed_worker_leaves_the_job_and_the_next_run_finds_it(line, slowly):
    slow(slowly, 2.0)  # longer than the killed run's lease
    line.deploy()
    line.run()
    line.until(line.jobs)
    line.worker.end(signal.SIGKILL)
    time.sleep(1)
    assert not list((line.folder / "cache" / "jobs").glob("*/exit"))  # the job goes on
    line.worker.start()
    run = line.run()
    line.until(lambda: "found the job" in (line.server.folder / "worker.log").read_text(), 240)
    slowly.fault = None
    state = line.ended(run)
    assert state.is_completed(), state.message
    assert len(line.jobs()) == 1  # found, not begun anew
    assert line.made() == line.units


def test_a_killed_server_leaves_the_job_and_the_run_goes_on_with_the_next_one(line, slowly, small_world, tmp_path):  # noqa: F811
    slow(slowly)
    line.deploy()
    line.run()
    line.until(line.jobs)
    line.server.end(signal.SIGKILL)
    line.until(lambda: list((line.folder / "cache" / "jobs").glob("*/exit")))
    assert line.made() == line.units
    line.worker.end(signal.SIGKILL)
    line.server.start()
    line.worker.start()
    before = fingerprints(line.store)
    state = line.ended(line.run())
    assert state.is_completed(), state.message
    tiles = {name: of for name, of in fingerprints(line.store).items() if name.endswith(".tif")}
    assert tiles == {name: of for name, of in before.items() if name.endswith(".tif")}


def test_a_server_on_postgresql_runs_flows_by_schedule(small_world, tmp_path):  # noqa: F811
    with postgres() as told:
        database = f"postgresql+asyncpg://{told['PGUSER']}:x@{told['PGHOST']}:{told['PGPORT']}/postgres"
        made = lined(tmp_path, small_world, str(small_world.catalog), database=database)
        made.worker.start()
        try:
            made.deploy(schedules=[{"interval": 15, "active": True}])
            made.until(lambda: any(run.state.is_completed() for run in made.runs() if run.state), 300)
            assert made.made() == made.units
        finally:
            made.worker.end()
            made.server.end()
