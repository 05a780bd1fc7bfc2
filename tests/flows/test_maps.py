"""Flows of maps on a real Prefect server: the same as the command, shown, refused, told."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from support.small_world import fingerprints
from swath.flows.asked import MapAsked, UpdateAsked
from swath.flows.limits import LEASE
from swath.flows.maps import map_product, update_maps
from swath.store import Lease, Store

PRICES = "aws-us-west-2-2026-11"


def asked(world, store, **more):
    told = {
        "product": "mosaic", "area": world.area, "period": world.period, "source": str(world.catalog),
        "store": str(store), "tile_size": 192, "overrides": ["inputs.0.bands=[B04,B08]"], "cluster": "inline",
        "prices": PRICES,
    }  # fmt: skip
    return MapAsked(**{**told, **more})


def artifacts(run):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run])))
    return {one.key: one for one in found}


def logs(run):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId

    with get_client(sync_client=True) as client:
        return [one.message for one in client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run])))]


def test_a_flow_makes_the_map_of_the_command_and_shows_it(prefect, small_world, mapped, tmp_path):
    store = tmp_path / "store"
    state = map_product(asked(small_world, store), return_state=True)
    assert state.is_completed(), state.message
    made, theirs = fingerprints(store), fingerprints(mapped)
    units = {name: of for name, of in made.items() if name.endswith((".tif", ".json")) and name.count("/") == 4}
    assert units and units == {name: of for name, of in theirs.items() if name in units}
    assert {name for name in theirs if name.count("/") == 4} == set(units)
    values = state.result()
    items = [name for name in units if name.endswith(".json")]
    assert (values["units"]["done"], values["audit"]) == (len(items), "passed")
    run = state.state_details.flow_run_id
    shown = artifacts(run)
    assert {"plan-mosaic", "job", "progress-mosaic", "audit"} <= set(shown)
    assert float(shown["progress-mosaic"].data) == 100
    assert {"map-mosaic-1-0-2023-06", "report-mosaic-1-0-2023-07"} <= set(shown)
    assert "](data:image/png;base64," in str(shown["map-mosaic-1-0-2023-06"].data)
    assert any(row["unit"] == "USD" for row in json.loads(shown["plan-mosaic"].data))
    assert any("publishing" in line for line in logs(run))  # of the job, which is a process of its own


def test_a_plan_above_its_limit_starts_nothing_and_somebody_is_told(prefect, small_world, tmp_path):
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    with listener() as (url, heard):
        CustomWebhookNotificationBlock(
            name="maps", url=url, json_data={"text": "{{body}}"}
        ).save("maps", overwrite=True)  # fmt: skip
        store = tmp_path / "store"
        told = asked(small_world, store, max_cost=1e-9, notify="custom-webhook/maps")
        state = map_product(told, return_state=True)
    assert state.is_failed()
    assert "--max-cost" in state.message
    assert not list(store.rglob("*.tif"))
    run = state.state_details.flow_run_id
    assert "plan-mosaic" in artifacts(run)
    assert "job" not in artifacts(run)
    assert len(heard) == 1
    assert "map mosaic" in heard[0]["text"]
    assert "--max-cost" in heard[0]["text"]


def test_a_second_run_of_a_store_is_refused_while_the_first_holds_it(prefect, small_world, tmp_path):
    store = tmp_path / "store"
    with Lease(Store.open(store), LEASE):
        state = map_product(asked(small_world, store), return_state=True)
    assert state.is_failed()
    assert "Another flow run works in" in state.message
    assert not list(store.rglob("*.tif"))


@pytest.mark.slow
def test_a_run_waits_for_another_one_of_its_store(prefect, small_world, tmp_path):
    store = tmp_path / "store"
    lease = Lease(Store.open(store), LEASE)
    lease.__enter__()
    threading.Timer(4, lease.__exit__, (None, None, None)).start()
    begun = time.monotonic()
    state = map_product(asked(small_world, store, wait_h=0.05, report=False, audit=False), return_state=True)
    assert state.is_completed(), state.message
    assert time.monotonic() - begun > 4


def test_a_product_has_no_more_runs_than_its_limit_allows(prefect, small_world, tmp_path):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate

    name = "swath-product-mosaic"
    with get_client(sync_client=True) as client:
        try:
            client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=0))
        except Exception:
            client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(limit=0))
        try:
            state = map_product(asked(small_world, tmp_path / "store"), return_state=True)
        finally:
            client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(limit=8))
    assert state.is_failed()
    assert name in state.message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"product": "mosaics"}, "mosaics"),
        ({"model": "landcover@nobody"}, "takes no model"),
        ({"cluster": "somewhere"}, "no cluster 'somewhere'"),
        ({"period": "last/2023"}, "last/2023"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(prefect, small_world, tmp_path, change, said):
    state = map_product(asked(small_world, tmp_path / "store", **change), return_state=True)
    assert state.is_failed()
    assert said in state.message
    assert not (tmp_path / "store").exists()


def test_an_update_of_a_map_whose_scenes_are_the_same_makes_nothing(prefect, mapped, tmp_path):
    import shutil

    store = tmp_path / "store"
    shutil.copytree(mapped, store)
    before = fingerprints(store)
    state = update_maps(UpdateAsked(store=str(store), cluster="inline"), return_state=True)
    assert state.is_completed(), state.message
    assert "Nothing has changed" in state.message
    assert fingerprints(store) == before


class listener:
    """An HTTP server that keeps the JSON that it is sent."""

    def __enter__(self):
        self.heard = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                owner.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}", self.heard

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
