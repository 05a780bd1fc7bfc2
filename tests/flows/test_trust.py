"""The flow `assess` on a real Prefect server: a map is audited, reported and shown; what cannot be is refused."""

import shutil
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from swath.errors import ClusterError
from swath.flows.asked import MapAsked, UpdateAsked
from swath.flows.asked_models import TrainAsked
from swath.flows.limits import alone
from swath.flows.trainings import train_model
from swath.flows.trust import AssessAsked, assess_map
from swath.store import Store


def shown(run):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run])))
        return client.read_flow_run(run).name, {one.key for one in found}


def test_a_map_is_audited_and_reported_and_the_run_has_its_name(prefect, mapped, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(mapped, store)
    state = assess_map(AssessAsked(store=str(store), step="2023-06"), return_state=True)
    assert state.is_completed(), state.message
    values = state.result()
    assert values["audit"] == "passed"
    assert len(values["reports"]) == 1
    name, keys = shown(state.state_details.flow_run_id)
    assert name == f"assess {store}"
    assert {"audit", "report-mosaic-1-0-2023-06", "map-mosaic-1-0-2023-06"} <= keys


def test_a_map_that_another_flow_run_makes_is_not_assessed(prefect, mapped, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(mapped, store)
    with alone(Store.open(store), product="mosaic"):
        state = assess_map(AssessAsked(store=str(store)), return_state=True)
    assert state.is_failed()
    assert "Another flow run works in" in state.message


@pytest.mark.parametrize(
    ("change", "said"), [({"product": "landcovers"}, "landcovers"), ({"cluster": "somewhere"}, "no cluster")]
)
def test_a_training_that_cannot_be_is_refused_before_its_folder_is_made(prefect, tmp_path, change, said):
    asked = {
        "product": "landcover", "labels": "l", "area": "a", "period": "2023/P1Y", "source": "s",
        "out": str(tmp_path / "out"),
    }  # fmt: skip
    state = train_model(TrainAsked(**asked | change), return_state=True)
    assert state.is_failed()
    assert said in state.message
    assert not (tmp_path / "out").exists()


def test_an_update_that_runs_late_looks_at_the_days_of_its_schedule(prefect, mapped, monkeypatch):
    from swath.flows import maps

    windows = []
    monkeypatch.setattr(maps, "plan_updates", lambda store, window, **more: windows.append(window) or [])
    scheduled = datetime(2026, 3, 4, 4, 30, tzinfo=UTC)
    monkeypatch.setattr(maps, "flow_run", SimpleNamespace(scheduled_start_time=scheduled))
    for until in (None, date(2026, 2, 1)):
        state = maps.update_maps(UpdateAsked(store=str(mapped), last=3, until=until), return_state=True)
        assert state.is_completed(), state.message
    assert [one.until for one in windows] == [date(2026, 3, 4), date(2026, 2, 1)]


def test_names_of_runs_tell_a_product_where_one_is_asked_for():
    assert UpdateAsked(store="s3://b").maps == "s3://b"
    assert AssessAsked(store="s3://b", product="landcover").maps == "landcover s3://b"


def test_a_deadline_is_of_what_makes_maps(tmp_path):
    told = {"product": "p", "area": "a", "period": "2023", "source": "s", "store": "t"}
    with pytest.raises(ClusterError, match="--deadline"):
        MapAsked(**told, deadline_h=2).where()
    with pytest.raises(ValueError, match="deadline_h"):
        AssessAsked(store="t", deadline_h=2)
