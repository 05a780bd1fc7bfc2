"""`swath models`: model packages, made, looked at, brought in from elsewhere, kept in a registry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from swath.cli.options import Json
from swath.cli.output import key_values, reported
from swath.cli.registry import RegistryUrl, write_page
from swath.models import Package, card_template, import_onnx
from swath.models.spec import ClassesOutput, band_names
from swath.registry import is_reference, open_model

app = typer.Typer(no_args_is_help=True)
Named = Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a package, or NAME@ALIAS of the registry.")]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="Network in ONNX.")],
    card: Annotated[Path, typer.Option(help="YAML that says what the file does not; see `swath models template`.")],
    out_folder: Annotated[Path, typer.Option("--out", help="Folder of the package to make.")],
    replace: Annotated[bool, typer.Option(help="Put it in the place of a package that stands there.")] = False,
    as_json: Json = False,
) -> None:
    """Make a package of an ONNX file and a card: checked, run once on zeros, sealed by checksums."""
    with reported(as_json) as out:
        package = import_onnx(file, card, out_folder, replace=replace)
        out.result(_values(package), lambda console: _show(console, package))


@app.command()
def template(as_json: Json = False) -> None:
    """A commented card with every field: swath models template > card.yaml."""
    with reported(as_json) as out:
        text = card_template()
        out.result({"template": text}, lambda console: console.print(text, markup=False, end=""))


@app.command()
def show(
    model: Named,
    registry: RegistryUrl = None,
    html: Annotated[Path | None, typer.Option(help="Write the model's card as a page to this file.")] = None,
    as_json: Json = False,
) -> None:
    """What a model takes and gives, with every byte checked."""
    with reported(as_json) as out:
        package = open_model(model, registry)
        if html is not None:
            write_page(package, html, name=model if is_reference(model) else package.spec.name, registry=registry)
        out.result(_values(package), lambda console: _show(console, package))


def _values(package: Package) -> dict[str, Any]:
    return {
        "package": str(package.folder),
        "digest": package.digest,
        "files": sorted(package.files),
        "model": package.spec.model_dump(mode="json"),
        "card": package.card,
    }


def _show(console: Console, package: Package) -> None:
    spec, properties = package.spec, package.card["properties"]
    taken, given = spec.input, spec.output
    channels = [
        name if isinstance(given, ClassesOutput) else f"{name} ({value.unit})"
        for name, value in zip(given.channels, getattr(given, "values", given.channels), strict=True)
    ]
    steps = "" if taken.steps == 1 else f"{taken.steps} time steps of "
    rows = [
        ("package", str(package.folder)),
        ("model", f"{spec.name} {spec.version}: {properties.get('title') or spec.task}"),
        ("licence", str(properties.get("license", "not told"))),
        ("takes", f"{steps}{band_names(taken.bands)} as {taken.unit}, {taken.gsd:g} m"),
        ("windows", f"{taken.window} px, one every {taken.stride} px, {taken.margin} px at each edge left aside"),
        ("gives", f"{given.name}: {', '.join(channels)}"),
        ("files", ", ".join(sorted(package.files))),
        ("sha256", package.digest),
    ]
    metrics = {k: v for k, v in properties.get("swath:metrics", {}).items() if isinstance(v, int | float)}
    rows += [(name, f"{value:.3f}") for name, value in metrics.items()]
    key_values(console, rows)
