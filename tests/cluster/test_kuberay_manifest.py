"""What a spec becomes: held against KubeRay's own schema, and against what a production cluster must have."""

import json

import jsonschema
import pytest
from pydantic import ValidationError

from swath.cluster.kuberay import FaultTolerance, Group, KubeRaySpec, Spot, Toleration, manifest

SPEC = KubeRaySpec(
    image="registry.example/swath:0.1.0",
    groups=(
        Group(name="cpu", cpus=8, memory_gib=32, least=2, most=20, spot=True),
        Group(name="gpu", cpus=8, memory_gib=64, gpus=1, most=4, tolerations=(Toleration(key="nvidia.com/gpu"),)),
    ),
    spot=Spot(toleration=Toleration(key="spot", operator="Equal", value="true", effect="NoSchedule")),
    fault_tolerance=FaultTolerance(redis="redis:6379", password_secret="redis"),
    service_account="mapper",
    pull_secrets=("registry",),
    environment={"SWATH_READ_TIMEOUT_S": "30"},
)
BODY = manifest(SPEC, "0123456789ab")


def pods(body=BODY):
    spec = body["spec"]
    return [one["template"]["spec"] for one in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]


def closed(schema):
    """The schema with unknown keys as errors: Kubernetes drops them in silence, a misspelt one would go unseen."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict) and "additionalProperties" not in made and made.get("type") == "object":
        made["additionalProperties"] = bool(made.get("x-kubernetes-preserve-unknown-fields"))
    return made


@pytest.mark.real
@pytest.mark.parametrize("spec", [SPEC, SPEC.sized(cpu=12, gpu=2)], ids=["elastic", "fixed"])
def test_the_manifest_keeps_to_the_schema_of_kuberay_with_unknown_keys_as_errors(real_data, spec):
    schema = closed(json.loads((real_data / "kuberay-crds" / "RayCluster.v1.schema.json").read_text()))
    schema["properties"]["metadata"] = {"type": "object"}
    validator = jsonschema.Draft202012Validator(schema)
    assert list(validator.iter_errors(manifest(spec, "0123456789ab"))) == []
    wrong = manifest(spec, "0123456789ab")
    wrong["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["ressources"] = {}
    assert list(validator.iter_errors(wrong)), "a misspelt key is seen"


def test_no_pod_has_a_privilege():
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]


def test_requests_equal_limits_and_gpus_are_asked_for_where_there_are_some():
    amounts = [pod["containers"][0]["resources"] for pod in pods()]
    assert all(one["requests"] == one["limits"] for one in amounts)
    assert [one["limits"].get("nvidia.com/gpu") for one in amounts] == [None, None, "1"]


def test_a_spot_group_prefers_spot_and_falls_back_and_the_head_keeps_away():
    head, cpu, gpu = (pod["affinity"]["nodeAffinity"] for pod in pods())
    assert list(cpu) == ["preferredDuringSchedulingIgnoredDuringExecution"]
    for other in (head, gpu):
        (term,) = other["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        assert term["matchExpressions"][0]["operator"] == "NotIn"


def test_only_the_spot_group_puts_up_with_the_taint_of_spot_nodes():
    keys = [[taint["key"] for taint in pod.get("tolerations", [])] for pod in pods()]
    assert keys == [[], ["spot"], ["nvidia.com/gpu"]]


def test_a_fleet_that_maps_does_not_change_its_size():
    body = manifest(SPEC.sized(cpu=12), "0123456789ab")
    (group,) = body["spec"]["workerGroupSpecs"]
    assert (group["replicas"], group["minReplicas"], group["maxReplicas"]) == (12, 12, 12)
    assert body["spec"]["enableInTreeAutoscaling"] is False
    assert not any(pod["automountServiceAccountToken"] for pod in pods(body))


def test_the_head_state_lies_in_redis_with_its_password_from_a_secret():
    told = BODY["spec"]["gcsFaultToleranceOptions"]
    assert told["redisAddress"] == "redis:6379"
    assert told["redisPassword"] == {"valueFrom": {"secretKeyRef": {"name": "redis", "key": "password"}}}


def test_the_jobs_api_asks_for_a_token():
    assert BODY["spec"]["authOptions"] == {"mode": "token"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"image": "swath"}, "no fixed tag"),
        ({"image": "registry:5000/swath:latest"}, "no fixed tag"),
        ({"groups": (Group(name="a", cpus=1, memory_gib=1), Group(name="a", cpus=1, memory_gib=1))}, "share a name"),
        ({"imagge": "x"}, "Extra inputs"),
        ({"namespace": "Swath"}, "pattern"),
    ],
)
def test_a_wrong_spec_is_refused_with_the_reason(change, says):
    with pytest.raises(ValidationError, match=says):
        KubeRaySpec(**{**dict(SPEC), **change})


def test_more_workers_than_the_group_may_have_are_refused():
    with pytest.raises(ValueError, match="30 workers of cpu, which has at most 20"):
        SPEC.sized(cpu=30)


def test_the_cluster_goes_with_the_pod_of_its_launcher(monkeypatch):
    from swath.cluster.kuberay.launch import owner_from_environment

    monkeypatch.delenv("POD_UID", raising=False)
    assert owner_from_environment() is None
    monkeypatch.setenv("POD_NAME", "worker-1")
    monkeypatch.setenv("POD_UID", "u-1")
    (owner,) = manifest(SPEC, "run", owner=owner_from_environment())["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Pod", "worker-1", "u-1")
