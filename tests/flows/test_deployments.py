"""deploy/prefect.yaml: what it declares exists, and its parameters are those of the flows."""

from importlib import import_module

import pytest
import yaml

from support.parts import ROOT
from swath.errors import RequestError
from swath.flows import FLOWS
from swath.flows.serve import read_deployments

FILE = ROOT / "deploy" / "prefect.yaml"
VARIABLES = {
    "SWATH_STORE": "s3://maps", "SWATH_SOURCE": "https://stac.example", "SWATH_AREA": "Kenya",
    "SWATH_CLUSTER": "http://head:8265", "SWATH_IMAGE": "swath:1",
}  # fmt: skip


@pytest.fixture
def deployments(monkeypatch):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    return read_deployments(FILE)


def test_every_flow_can_be_run_by_hand(deployments):
    assert {one.entrypoint for one in deployments if one.name == "by-hand"} == set(FLOWS.values())


def test_the_four_products_have_a_schedule(deployments):
    scheduled = [one for one in deployments if one.schedules]
    assert {one.parameters["asked"]["product"] for one in scheduled} == {"landcover", "biomass", "clouds", "species"}


def test_parameters_are_those_of_the_flow(deployments):
    for one in deployments:
        module, _, name = one.entrypoint.rpartition(".")
        flow = getattr(import_module(module), name)
        if one.parameters:
            asked = flow.validate_parameters(one.parameters)["asked"]
            assert asked.cluster == "http://head:8265"
            assert asked.store.startswith("s3://maps/")
            asked.where()


def test_each_becomes_a_deployment_of_prefect(deployments):
    made = [one.made() for one in deployments]
    assert [one.entrypoint for one in made] == [one.entrypoint for one in deployments]
    assert [len(one.schedules or []) for one in made] == [len(one.schedules) for one in deployments]


def test_pools_of_the_file_are_a_process_by_default_and_kubernetes():
    told = yaml.safe_load(FILE.read_text())
    pools = [one["work_pool"]["name"] for one in told["deployments"]]
    assert set(pools) == {"swath", "swath-kubernetes"}
    assert pools.count("swath") > pools.count("swath-kubernetes")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("deployments: [{name: x}]", "entrypoint"),
        ("deployments: [{name: x, entrypoint: os.system}]", "os.system is no flow"),
        ("- x", "no list of deployments"),
        (
            "deployments: [{name: x, entrypoint: swath.flows.maps.map_product, schedules: [{}]}]",
            "either cron or interval",
        ),
        ("{", "no list of deployments"),
    ],
)
def test_a_file_with_faults_is_refused(tmp_path, text, said):
    path = tmp_path / "prefect.yaml"
    path.write_text(text)
    with pytest.raises(RequestError, match=said):
        [one.made() for one in read_deployments(path)]


def test_a_form_asks_first_for_what_must_be_said_and_explains_each_field():
    for entrypoint in FLOWS.values():
        module, _, name = entrypoint.rpartition(".")
        schema = getattr(import_module(module), name).parameters.model_dump_for_openapi()
        asked = next(one for title, one in schema["definitions"].items() if title.endswith("Asked"))
        names, required = list(asked["properties"]), asked["required"]
        assert names[: len(required)] == required
        assert all(one.get("description") for one in asked["properties"].values())


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RequestError, match="no file"):
        read_deployments(tmp_path / "none.yaml")
