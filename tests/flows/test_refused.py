"""What flows of maps cannot do is said before any work: no alias, no store, no cluster; and when schedules fire."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from support.parts import ROOT
from support.servers import free_port
from support.small_world import fingerprints
from swath.flows.asked import MapAsked
from swath.flows.maps import map_product
from swath.flows.serve import read_deployments
from swath.flows.trust import AssessAsked, assess_map


def asked(world, store, **more):
    """A map of one tile and month."""
    told = {
        "product": "mosaic", "area": "12.503,47.703,12.504,47.704", "period": "2023-06/P1M", "store": str(store),
        "source": str(world.catalog), "tile_size": 192, "overrides": ["inputs.0.bands=[B04,B08]"], "cluster": "inline",
        "audit": False, "report": False,
    }  # fmt: skip
    return MapAsked(**{**told, **more})


@pytest.mark.parametrize("model", ["landcover@nobody", "nothing@production"])
def test_an_alias_that_no_model_has_is_named(prefect, small_world, tmp_path, monkeypatch, model):
    from swath.settings import settings

    (tmp_path / "registry").mkdir()
    monkeypatch.setenv("SWATH_REGISTRY", str(tmp_path / "registry"))
    settings.cache_clear()
    told = asked(small_world, tmp_path / "store", product="landcover", model=model, overrides=[])
    state = map_product(told, return_state=True)
    assert state.is_failed()
    assert model.partition("@")[0] in state.message
    assert "registry" in state.message
    assert not (tmp_path / "store").exists()


def test_a_store_whose_endpoint_nobody_answers_is_named_within_seconds(prefect, small_world, monkeypatch):
    closed = f"http://127.0.0.1:{free_port()}"
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_ENDPOINT_URL": closed, "AWS_EC2_METADATA_DISABLED": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    begun = time.monotonic()
    state = map_product(asked(small_world, "s3://bucket/maps"), return_state=True)
    assert state.is_failed()
    assert time.monotonic() - begun < 40
    assert "The S3 endpoint of s3://bucket/maps" in state.message
    assert "AWS_ENDPOINT_URL" in state.message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cluster": "somewhere"}, "no cluster 'somewhere'"),
        ({"cluster": "auto"}, "a process of its own"),
        ({"cluster": "kuberay"}, "--cluster-spec"),
    ],
)
def test_an_assessment_says_that_there_is_no_such_cluster_before_it_audits(prefect, mapped, change, said):
    before = fingerprints(mapped)
    state = assess_map(AssessAsked(store=str(mapped), reference="plots.csv", **change), return_state=True)
    assert state.is_failed()
    assert said in state.message
    assert fingerprints(mapped) == before


def crons():
    told = read_deployments(ROOT / "deploy" / "prefect.yaml")
    return sorted({one.cron for deployment in told for one in deployment.schedules if one.cron})


@pytest.mark.parametrize("cron", [*crons(), "30 2 * * *"])  # and one in the hour that is left out, and comes twice
@pytest.mark.parametrize("night", [datetime(2027, 3, 28), datetime(2027, 10, 31)], ids=["spring", "autumn"])
def test_a_schedule_fires_once_in_the_night_that_the_clocks_change(cron, night):
    """Prefect's scheduler asks again and again what is next: what all its answers name are the runs."""
    from prefect.server.schemas.schedules import CronSchedule

    def fired(zone):
        schedule, seen = CronSchedule(cron=cron, timezone=zone), set()
        begin = (night - timedelta(days=2)).replace(tzinfo=UTC)
        for hours in range(4 * 24):
            for found in asyncio.run(schedule.get_dates(2, start=begin + timedelta(hours=hours))):
                if found < begin + timedelta(days=4):
                    seen.add(found.astimezone(UTC))
        return seen

    here, utc = fired("Europe/Berlin"), fired("UTC")
    assert len(here) == len(utc)
    assert all(any(abs(one - other) <= timedelta(hours=2) for other in utc) for one in here)
