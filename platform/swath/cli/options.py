"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class ClusterName(StrEnum):
    """Where a run computes."""

    INLINE = "inline"
    LOCAL = "local"
    AUTO = "auto"


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Cluster = Annotated[
    ClusterName,
    typer.Option(
        help="inline: in this process. local: Ray on this machine. auto: the Ray cluster that this machine is part of."
    ),
]


ClusterAddress = Annotated[
    str,
    typer.Option(
        help="inline: in this process. local: Ray on this machine. auto: the Ray cluster that this machine is part of. "
        "http(s)://HOST:8265: a Ray cluster elsewhere, by its Jobs API. kuberay: one that is made on Kubernetes for "
        "this, and deleted after it.",
    ),
]
ClusterFile = Annotated[
    str | None,
    typer.Option("--cluster-spec", help="With kuberay: YAML of the cluster; `swath clusters template` prints one."),
]
ClusterOverrides = Annotated[
    list[str] | None,
    typer.Option("--set-cluster", metavar="FIELD=VALUE", help="Override a field of the cluster, as groups.0.most=40."),
]
Deadline = Annotated[
    float | None,
    typer.Option(
        "--deadline", metavar="HOURS", help="With kuberay: as many workers as it takes to be done in time, by the plan."
    ),
]
Detach = Annotated[
    bool, typer.Option("--detach", help="With a cluster elsewhere: leave the job running, and `swath status` tells.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Number of workers; by default as many as the cluster's cores allow.")
]
StoreUrl = Annotated[str, typer.Option("--store", help="Folder or s3:// prefix to write to.")]
StoreArgument = Annotated[str, typer.Argument(metavar="STORE", help="Folder or s3:// prefix of a store.")]
