"""Where a run computes: in this process, on this machine, on the cluster around it, or on one elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from swath.cluster.kuberay.spec import KubeRaySpec
from swath.errors import ClusterError, StoreError
from swath.store import Store

HERE = ("inline", "local", "auto")
KUBERAY = "kuberay"


@dataclass(frozen=True)
class Where:
    """Where a run computes.

    Attributes:
        name: `inline`, `local`, `auto`, `kuberay`, or the address of a Jobs API.
        spec: Of the cluster that `kuberay` makes.
        deadline_s: The run may take so long, the start of that cluster included; None for no deadline.
        apart: Of this machine: in a process of its own, which outlives this one and is found again.
    """

    name: str
    spec: KubeRaySpec | None = None
    deadline_s: float | None = None
    apart: bool = False

    @classmethod
    def of(
        cls,
        name: str,
        *,
        spec: str | Path | None = None,
        overrides: Sequence[str] = (),
        deadline_h: float | None = None,
    ) -> Where:
        """What a person says, checked.

        Args:
            name: `inline`, `local`, `auto`, `kuberay`, or `http(s)://HOST:PORT`.
            spec: YAML of a cluster, which goes with `kuberay`.
            overrides: `FIELD=VALUE` of it.
            deadline_h: Hours that a run on it may take.

        Raises:
            ClusterError: No such place, a file with faults, or options of another place.
        """
        if name == KUBERAY:
            if spec is None:
                raise ClusterError(
                    "--cluster kuberay makes a cluster, and nothing says which.",
                    fix="Give --cluster-spec FILE; `swath clusters template` prints one.",
                )
            if deadline_h is not None and deadline_h <= 0:
                raise ClusterError(f"--deadline {deadline_h:g} is no time.", fix="Give hours above 0.")
            deadline_s = None if deadline_h is None else deadline_h * 3600
            return cls(name, KubeRaySpec.load(spec).with_overrides(overrides), deadline_s)
        if name not in HERE and not name.startswith(("http://", "https://")):
            raise ClusterError(
                f"There is no cluster {name!r}.", fix=f"Give {', '.join(HERE)}, {KUBERAY}, or http(s)://HOST:PORT."
            )
        given = {"--cluster-spec": spec is not None, "--set-cluster": bool(overrides), "--deadline": deadline_h}
        wrong = [option for option, was in given.items() if was]
        if wrong:
            raise ClusterError(
                f"{', '.join(wrong)} would do nothing with --cluster {name}: its size is not for us to say.",
                fix=f"Leave {', '.join(wrong)} out, or use --cluster {KUBERAY}.",
            )
        return cls(name)

    @property
    def elsewhere(self) -> bool:
        """True when this process submits and follows, and others compute."""
        return self.apart or self.name not in HERE

    def as_job(self) -> Where:
        """The same, where this process only submits and follows: what is of this machine runs apart."""
        return replace(self, apart=True)

    def check_store(self, store: Store) -> None:
        """Refuse a store that the machines which compute do not see.

        Raises:
            StoreError: It is a folder, and the cluster is made of pods.
        """
        if self.name == KUBERAY and store.is_local:
            raise StoreError(
                f"The store {store.root} is a folder of this machine, and pods of Kubernetes do not see it.",
                fix="Give s3://bucket/prefix, which this machine and the pods reach.",
            )
