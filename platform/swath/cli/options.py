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


def _address(text: str) -> str:
    """A name of where to run, or the address of a Jobs API."""
    if text.startswith(("http://", "https://")) or text in list(ClusterName):
        return text
    raise typer.BadParameter(f"{text!r} is none of {', '.join(ClusterName)} and no http(s)://HOST:PORT.")


ClusterAddress = Annotated[
    str,
    typer.Option(
        callback=_address,
        help="inline: in this process. local: Ray on this machine. auto: the Ray cluster that this machine is part of. "
        "http(s)://HOST:8265: a Ray cluster elsewhere, by its Jobs API.",
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
