"""Where a run computes, as people say it."""

import pytest

from swath.cluster import Where
from swath.errors import ClusterError, ProductError, StoreError
from swath.store import Store


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "cluster.yaml"
    path.write_text("image: swath:0.1.0\ngroups:\n- {name: cpu, cpus: 4, memory_gib: 8}\n")
    return path


def test_what_is_of_this_machine_runs_here_unless_it_is_to_be_a_job():
    assert [Where.of(name).elsewhere for name in ("inline", "local", "auto")] == [False] * 3
    assert Where.of("http://head:8265").elsewhere
    assert Where.of("local").as_job().elsewhere


def test_a_cluster_is_a_file_with_its_fields_overridden_and_a_deadline_in_hours(file):
    where = Where.of("kuberay", spec=file, overrides=["groups.0.most=7"], deadline_h=1.5)
    assert (where.elsewhere, where.spec.groups[0].most, where.deadline_s) == (True, 7, 5400)


@pytest.mark.parametrize(
    ("name", "more", "says"),
    [
        ("mars", {}, "There is no cluster 'mars'"),
        ("kuberay", {}, "nothing says which"),
        ("local", {"deadline_h": 2}, "--deadline would do nothing with --cluster local"),
        ("http://head:8265", {"spec": "x"}, "--cluster-spec would do nothing"),
        ("auto", {"overrides": ["a=1"]}, "--set-cluster would do nothing"),
        ("kuberay", {"spec": "none.yaml"}, "Cluster none.yaml cannot be read"),
    ],
)
def test_what_does_not_go_together_is_refused(name, more, says):
    with pytest.raises(ClusterError, match=says):
        Where.of(name, **more)


def test_faults_of_the_file_name_field_and_value(file):
    with pytest.raises(ClusterError, match=r"--deadline 0 is no time"):
        Where.of("kuberay", spec=file, deadline_h=0)
    with pytest.raises(ProductError, match="has no field 'mots'"):
        Where.of("kuberay", spec=file, overrides=["groups.0.mots=7"])
    with pytest.raises(ClusterError, match=r"cluster with --set-cluster: groups\.0\.cpus"):
        Where.of("kuberay", spec=file, overrides=["groups.0.cpus=0"])
    file.write_text("image: swath:latest\ngroups:\n- {name: cpu, cpus: 4, memory_gib: 8}\n")
    with pytest.raises(ClusterError, match="no fixed tag"):
        Where.of("kuberay", spec=file)


def test_pods_do_not_see_a_folder_of_this_machine(file, tmp_path):
    Where.of("http://head:8265").check_store(Store.open(tmp_path))
    Where.of("kuberay", spec=file).check_store(Store.open("s3://bucket/maps"))
    with pytest.raises(StoreError, match="pods of Kubernetes do not see it"):
        Where.of("kuberay", spec=file).check_store(Store.open(tmp_path))
