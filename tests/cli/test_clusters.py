"""`swath clusters`: the file of a cluster, and clusters that were left."""

from datetime import UTC, datetime

import pytest
import yaml

from support.command import swath
from support.kuberay import kuberay
from swath.cluster.kuberay import KubeRaySpec, cluster_name, manifest


@pytest.fixture
def api(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with kuberay(tmp_path, "http://127.0.0.1:9", "token") as (api, _):
        yield api


def test_the_template_is_a_file_that_is_right(tmp_path):
    code, told = swath("clusters", "template")
    (tmp_path / "cluster.yaml").write_text(told["template"])
    code, checked = swath("clusters", "check", tmp_path / "cluster.yaml", "--set-cluster", "groups.0.most=40")
    assert (code, checked["groups"][0]["most"]) == (0, 40)
    assert set(yaml.safe_load(told["template"])) == set(KubeRaySpec.model_fields)


def test_a_wrong_field_is_named_with_the_choices(tmp_path):
    (tmp_path / "cluster.yaml").write_text("image: swath:0.1.0\ngrups: []\n")
    code, told = swath("clusters", "check", tmp_path / "cluster.yaml")
    assert (code, told["error"]["type"]) == (2, "ClusterError")
    assert "grups: there is no such field. Did you mean 'groups'?" in told["error"]["message"]


def test_rights_are_asked_for_only_when_that_is_wanted(api, tmp_path):
    api.denied.add(("create", "rayclusters"))
    assert swath("clusters", "check", tmp_path / "cluster.yaml")[0] == 0
    code, told = swath("clusters", "check", tmp_path / "cluster.yaml", "--access")
    assert (code, told["error"]["type"]) == (2, "CredentialsError")


def test_a_sweep_lists_what_was_left_and_deletes_it_unless_asked_only_to_list(api, tmp_path):
    spec = KubeRaySpec.load(tmp_path / "cluster.yaml")
    api.put("ADDED", manifest(spec, "left", now=datetime(2020, 1, 1, tzinfo=UTC)))
    api.put("ADDED", manifest(spec, "used"))
    code, listed = swath("clusters", "sweep", "--dry-run")
    assert (code, [(one["run"], one["deleted"]) for one in listed["clusters"]]) == (0, [("left", False)])
    assert cluster_name("left") in api.clusters
    code, swept = swath("clusters", "sweep")
    assert (code, [(one["run"], one["deleted"]) for one in swept["clusters"]]) == (0, [("left", True)])
    assert list(api.clusters) == [cluster_name("used")]
