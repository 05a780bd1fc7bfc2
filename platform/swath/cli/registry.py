"""`swath models`: the registry of released models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from swath.cli.options import Json
from swath.cli.output import key_values, reported
from swath.models import Package
from swath.products import Product, products
from swath.registry import Reference, Registry, Verdict, Version, card_page, is_reference, registry_at
from swath.registry import export as export_version
from swath.registry import verify as verify_version

RegistryUrl = Annotated[
    str | None, typer.Option("--registry", help="Folder or s3:// prefix of the registry; by default SWATH_REGISTRY.")
]
Named = Annotated[str, typer.Argument(metavar="NAME@VERSION", help="Model with its version or alias.")]


def write_page(package: Package, file: Path, *, name: str, registry: str | None = None) -> None:
    """Write a model's card as a page."""
    aliases: tuple[str, ...] = ()
    if is_reference(name) and not Path(name).exists():
        version = registry_at(registry).find(Reference.parse(name))
        name, aliases = str(version), version.aliases
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(card_page(package, name=name, aliases=aliases, colours=_colours()), encoding="utf-8")


def _colours() -> dict[str, str]:
    """Colours of classes in the legends of the products that ship."""
    found: dict[str, str] = {}
    for name in products():
        model = Product.load(name).model
        for one in model.legend.classes if model is not None and model.legend is not None else ():
            if one.color:
                found.setdefault(one.name, one.color)
    return found


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command("list")
    def list_(registry: RegistryUrl = None, as_json: Json = False) -> None:
        """Models of the registry, their versions and aliases."""
        with reported(as_json) as out:
            held = registry_at(registry)
            versions = [version for name in held.names() for version in held.versions(name)]
            rows = [_row(held, version) for version in versions]
            out.result({"registry": held.store.root, "models": rows}, lambda console: _table(console, rows))

    @app.command("register")
    def register_(
        package: Annotated[Path, typer.Argument(metavar="PACKAGE", help="Folder of a model package.")],
        registry: RegistryUrl = None,
        name: Annotated[str | None, typer.Option(help="Name of the model; by default that of the package.")] = None,
        version: Annotated[str | None, typer.Option(help="Version; by default the next number.")] = None,
        as_json: Json = False,
    ) -> None:
        """Keep a package in the registry under a version that never changes."""
        with reported(as_json) as out:
            made, new = registry_at(registry).register(Package.open(package), name=name, version=version)
            told = f"{made}: {'registered' if new else 'was registered before, nothing is changed'}"
            out.result(_values(made) | {"new": new}, lambda console: console.print(told, markup=False))

    @app.command()
    def promote(
        model: Named,
        alias: Annotated[str, typer.Argument(help="Alias that shall point to it, as production.")],
        registry: RegistryUrl = None,
        as_json: Json = False,
    ) -> None:
        """Let an alias point to a version; refused where its inputs or legend are others than before."""
        with reported(as_json) as out:
            held = registry_at(registry)
            version = held.find(Reference.parse(model))
            before = held.promote(version, alias)
            told = f"{version.name}@{alias} is {version}" + (f", it was {version.name}@{before}" if before else "")
            values = _values(version) | {"alias": alias, "before": before}
            out.result(values, lambda console: console.print(told, markup=False))

    @app.command()
    def export(
        model: Named,
        out_path: Annotated[Path, typer.Option("--out", help="Folder, or a file that ends with .tar, to write.")],
        registry: RegistryUrl = None,
        replace: Annotated[bool, typer.Option(help="Put it in the place of what stands there.")] = False,
        as_json: Json = False,
    ) -> None:
        """Write a version as a folder or a tar file, each byte checked."""
        with reported(as_json) as out:
            held = registry_at(registry)
            version = held.find(Reference.parse(model))
            path = export_version(held, version, out_path, replace=replace)
            values = _values(version) | {"path": str(path)}
            out.result(values, lambda console: console.print(f"{version}: {path}", markup=False))

    @app.command()
    def verify(
        model: Annotated[
            str | None, typer.Argument(metavar="NAME@VERSION", help="One version; all unless given.")
        ] = None,
        registry: RegistryUrl = None,
        as_json: Json = False,
    ) -> None:
        """Read every byte of what is kept, hold it against its checksums, load it and run it once."""
        with reported(as_json) as out:
            held = registry_at(registry)
            asked = (
                [held.find(Reference.parse(model))] if model else [v for n in held.names() for v in held.versions(n)]
            )
            verdicts = []
            for version in asked:
                out.say(f"verifying {version}")
                verdicts.append(verify_version(held, version))
            values = [_values(v.version) | {"fault": v.fault, "bytes": v.bytes} for v in verdicts]
            out.result({"verified": values}, lambda console: _verdicts(console, verdicts))
            if any(verdict.fault for verdict in verdicts):
                raise SystemExit(1)


def _values(version: Version) -> dict[str, Any]:
    return {
        "model": version.name,
        "version": version.version,
        "aliases": list(version.aliases),
        "digest": version.digest,
        "registered": version.registered,
    }


def _row(registry: Registry, version: Version) -> dict[str, Any]:
    properties = registry.card(version)["properties"]
    return _values(version) | {
        "title": properties.get("title"),
        "licence": properties.get("license"),
        "labels": properties.get("swath:labels", []),
        "items": len(properties.get("swath:items", [])),
        "software": properties.get("processing:software", {}),
        "metrics": properties.get("swath:metrics", {}),
    }


def _table(console: Console, rows: list[dict[str, Any]]) -> None:
    if not rows:
        console.print("The registry has no models yet: swath models register PACKAGE")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("model", "aliases", "registered", "labels", "figures"):
        table.add_column(column)
    for row in rows:
        figures = [f"{k.replace('_', ' ')} {v:.3f}" for k, v in row["metrics"].items() if isinstance(v, float)]
        cells = (
            f"{row['model']}@{row['version']}", ", ".join(row["aliases"]), row["registered"][:10],
            ", ".join(row["labels"]), ", ".join(figures[:3]),
        )  # fmt: skip
        table.add_row(*map(escape, cells))
    console.print(table)


def _verdicts(console: Console, verdicts: list[Verdict]) -> None:
    key_values(console, [(str(v.version), v.fault or f"good, {v.bytes:,} bytes") for v in verdicts])
