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
Workers = Annotated[
    int | None, typer.Option(min=1, help="Number of workers; by default as many as the cluster's cores allow.")
]
StoreUrl = Annotated[str, typer.Option("--store", help="Folder or s3:// prefix to write to.")]
StoreArgument = Annotated[str, typer.Argument(metavar="STORE", help="Folder or s3:// prefix of a store.")]
