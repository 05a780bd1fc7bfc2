"""`swath clusters`: clusters on Kubernetes: describe one, check it, sweep away those that were left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from swath.cli.options import ClusterOverrides, Json
from swath.cli.output import key_values, reported
from swath.cluster.kuberay import KubeRaySpec, Kubernetes, Orphan, sweep

app = typer.Typer(no_args_is_help=True)
Namespace = Annotated[str, typer.Option(help="Namespace of the clusters.")]


@app.command()
def template(as_json: Json = False) -> None:
    """A commented file with every field, to start from: swath clusters template > cluster.yaml."""
    with reported(as_json) as out:
        text = KubeRaySpec.template()
        out.result({"template": text}, lambda console: console.print(text, markup=False, end=""))


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="YAML of a cluster.")],
    overrides: ClusterOverrides = None,
    access: Annotated[
        bool, typer.Option("--access", help="Also ask Kubernetes for each right that making it needs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Whether the file of a cluster is right, and with --access whether these credentials may make it."""
    with reported(as_json) as out:
        spec = KubeRaySpec.load(file).with_overrides(overrides or [])
        if access:
            Kubernetes(spec.namespace).check_access()
        values = {"ok": True, "access": access or None, **spec.model_dump(mode="json")}
        rows = [
            (group.name, f"up to {group.most} of {group.cpus} cores, {group.memory_gib:g} GiB, {group.gpus} GPUs")
            for group in spec.groups
        ]
        told = [("image", spec.image), ("namespace", spec.namespace), *rows]
        out.result(values, lambda console: key_values(console, told))


@app.command("sweep")
def sweep_(
    namespace: Namespace = "swath",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list them.")] = False,
    older_than: Annotated[
        float, typer.Option(metavar="HOURS", min=0, help="Where a cluster does not say when it is to go: its age.")
    ] = 48,
    as_json: Json = False,
) -> None:
    """Delete clusters of Swath whose launcher was not heard of for the time that stands on them; lists each."""
    with reported(as_json) as out:
        found = sweep(Kubernetes(namespace), older_than_s=older_than * 3600, dry_run=dry_run)
        clusters = [
            {"name": one.name, "run": one.run, "overdue_s": round(one.overdue_s), "deleted": one.deleted}
            for one in found
        ]
        values = {"namespace": namespace, "dry_run": dry_run, "clusters": clusters}
        out.result(values, lambda console: _show(console, namespace, found, dry_run=dry_run))


def _show(console: Console, namespace: str, found: list[Orphan], *, dry_run: bool) -> None:
    if not found:
        console.print(f"No cluster in {namespace} has been left.", markup=False)
        return
    table = Table("cluster", "run", "overdue", "", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for one in found:
        state = "deleted" if one.deleted else "would be deleted" if dry_run else "had gone by itself"
        table.add_row(one.name, one.run, f"{one.overdue_s / 3600:.1f} h", state)
    console.print(table)
