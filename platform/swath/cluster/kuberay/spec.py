"""What a person says of a Ray cluster on Kubernetes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from swath.errors import ClusterError
from swath.forms import apply_overrides, commented, read_yaml, validate

# RFC 1123: names of objects and groups; KubeRay makes names of pods of both, which may have 63 characters
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=30)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Toleration(_Model):
    """A taint of nodes that pods put up with."""

    key: str = Field(min_length=1, description="Of the taint.")
    operator: Literal["Exists", "Equal"] = Field(default="Exists", description="Any value, or this one.")
    value: str | None = Field(default=None, description="Of the taint, with Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Of the taint; any by default."
    )

    @model_validator(mode="after")
    def _value(self) -> Self:
        if (self.operator == "Equal") != (self.value is not None):
            raise ValueError("a value goes with operator Equal, and Equal needs one")
        return self


class Spot(_Model):
    """How nodes that can be taken away are told from others. Groups prefer them, and fall back to the others."""

    label: str = Field(default="karpenter.sh/capacity-type", description="Label of nodes that tells them apart.")
    value: str = Field(default="spot", description="Its value on spot nodes.")
    toleration: Toleration | None = Field(default=None, description="Of the taint of spot nodes, where they have one.")


class Pod(_Model):
    """What a pod of the cluster has; requests equal limits, so that no neighbour takes it away."""

    cpus: int = Field(ge=1, description="Cores.", examples=[16])
    memory_gib: float = Field(gt=0, description="Memory, GiB.", examples=[64])
    disk_gib: float = Field(default=20, gt=0, description="Of /tmp, GiB: Ray's logs and spilled objects, caches.")
    node_selector: dict[str, str] = Field(default={}, description="Labels that nodes must have.")
    tolerations: tuple[Toleration, ...] = Field(default=(), description="Taints of nodes that it puts up with.")


class Head(Pod):
    """The head: it drives and makes no units. Never on spot nodes."""

    cpus: int = Field(default=2, ge=1, description="Cores.")
    memory_gib: float = Field(default=8, gt=0, description="Memory, GiB.")


class Group(Pod):
    """Workers that are alike."""

    name: Name = Field(description="Of the group, as cpu.", examples=["cpu"])
    gpus: int = Field(default=0, ge=0, description="GPUs of a worker.")
    gpu_resource: str = Field(default="nvidia.com/gpu", description="What Kubernetes calls them.")
    least: int = Field(default=0, ge=0, description="Workers at least.")
    most: int = Field(default=1, ge=1, description="Workers at most.")
    spot: bool = Field(default=False, description="Prefer spot nodes; others where there are none.")

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least ({self.least}) is above most ({self.most})")
        return self


class FaultTolerance(_Model):
    """Where the head keeps what it knows, so that a new head goes on."""

    redis: str = Field(pattern=r"^(redis|rediss)://.+:\d+$|^[^/:]+:\d+$", description="Address, as redis:6379.")
    password_secret: str | None = Field(default=None, description="Name of the Secret that has its password.")
    password_key: str = Field(default="password", description="Key in that Secret.")


class KubeRaySpec(_Model):
    """A Ray cluster on Kubernetes."""

    image: str = Field(
        min_length=1,
        description="Image of this release of Swath, with a tag or digest.",
        examples=["registry.example.org/swath:0.1.0"],
    )
    namespace: Name = Field(default="swath", description="Namespace; it stands already.")
    ray_version: str = Field(default="2.60.0", description="Ray's version in the image.")
    head: Head = Field(default=Head(), description="The head.")
    groups: tuple[Group, ...] = Field(min_length=1, description="Groups of workers.")
    spot: Spot = Field(default=Spot(), description="How spot nodes are told from others.")
    fault_tolerance: FaultTolerance | None = Field(default=None, description="Redis for the head's state.")
    service_account: str | None = Field(default=None, description="Of the pods: reads archives, writes stores.")
    pull_secrets: tuple[str, ...] = Field(default=(), description="Secrets with which the image is pulled.")
    environment: dict[str, str] = Field(default={}, description="Variables of all pods, as SWATH_READ_TIMEOUT_S.")
    start_s: int = Field(
        default=300,
        ge=0,
        description="Until its workers are there, seconds: nodes are bought and images pulled. Counts into a deadline.",
    )
    jobs_address: str | None = Field(
        default=None,
        pattern=r"^https?://.+",
        description="Where this machine reaches its Jobs API, as https://ray.example.org/{name} of an ingress; {name} "
        "and {namespace} are filled in. By default its service, which pods of the same Kubernetes reach.",
    )
    ttl_s: int = Field(
        default=24 * 3600, ge=60, description="A cluster whose launcher is silent for so long is swept away, seconds."
    )

    @model_validator(mode="after")
    def _names(self) -> Self:
        names = [group.name for group in self.groups]
        if len(set(names)) < len(names):
            raise ValueError(f"groups share a name: {', '.join(names)}")
        tag = self.image.rsplit("/", 1)[-1]
        if ":" not in tag or tag.endswith(":latest"):
            raise ValueError(f"image {self.image} has no fixed tag or digest: workers could differ from the head")
        return self

    @classmethod
    def load(cls, path: str | Path) -> KubeRaySpec:
        """The cluster that a YAML file describes.

        Raises:
            ClusterError: It cannot be read, or a field is wrong; the message names it.
        """
        return cls.parse(read_yaml(path, what="Cluster", error=ClusterError), where=str(path))

    @classmethod
    def parse(cls, told: Any, *, where: str = "cluster") -> KubeRaySpec:
        """Check values as YAML gives them.

        Raises:
            ClusterError: A field is wrong; the message names it.
        """
        return validate(
            cls, told, where=where, what="cluster", start="swath clusters template", error=ClusterError
        )  # fmt: skip

    def with_overrides(self, assignments: Sequence[str]) -> KubeRaySpec:
        """This cluster with fields set by `FIELD=VALUE` texts, as `groups.0.most=40`.

        Raises:
            ProductError: An unknown field path; the choices at that point are named.
            ClusterError: A value that does not fit.
        """
        if not assignments:
            return self
        data = apply_overrides(type(self), self.model_dump(mode="json"), assignments)
        return self.parse(data, where="cluster with --set-cluster")

    @classmethod
    def template(cls) -> str:
        """A commented YAML of every field; it validates as it stands."""
        return "# A Ray cluster on Kubernetes: --cluster kuberay --cluster-spec THIS\n" + commented(cls)

    @property
    def elastic(self) -> bool:
        """True when the number of workers may change by itself."""
        return any(group.least < group.most for group in self.groups)

    def sized(self, **workers: int) -> KubeRaySpec:
        """The same with so many workers of each group, least = most: while it maps a fleet does not change.

        Raises:
            ValueError: A group that there is not, or more workers than its `most`.
        """
        unknown = set(workers) - {group.name for group in self.groups}
        if unknown:
            raise ValueError(f"no group is named {', '.join(sorted(unknown))}")
        for group in self.groups:
            if workers.get(group.name, 0) > group.most:
                raise ValueError(f"{workers[group.name]} workers of {group.name}, which has at most {group.most}")
        return self.model_copy(
            update={
                "groups": tuple(
                    group.model_copy(update={"least": number, "most": max(1, number)})
                    for group in self.groups
                    if (number := workers.get(group.name, 0))
                )
            }
        )
