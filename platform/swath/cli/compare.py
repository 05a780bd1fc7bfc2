"""`swath compare`: where two maps differ, and which is worse against a reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from swath.cli.assess import PANEL, ProductOption
from swath.cli.options import Json
from swath.cli.output import key_values, reported
from swath.errors import SampleError

if TYPE_CHECKING:
    from swath.assessment import PublishedMap

NAMED = 10  #: tiles of least agreement that are shown


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel=PANEL)
    def compare(
        first: Annotated[str, typer.Argument(help="Store of a map.")],
        second: Annotated[str, typer.Argument(help="Store of another map of the same grid; may be the same store.")],
        product: ProductOption = None,
        other_product: Annotated[str | None, typer.Option(help="Of the second map. [default: --product]")] = None,
        step: Annotated[str | None, typer.Option("--step", help="Time step of the first map.")] = None,
        other_step: Annotated[
            str | None, typer.Option(help="Of the second map. [default: that of the first, or its only one]")
        ] = None,
        layer: Annotated[
            str | None, typer.Option(help="Of values, as agb. [default: classes, else the first layer of data]")
        ] = None,
        edges: Annotated[
            str | None, typer.Option("--bins", help="Of values of the first map, as 0,50,100. [default: tenths]")
        ] = None,
        reference: Annotated[
            Path | None, typer.Option(help="Plots of a sample of either map, or points with lon, lat, class.")
        ] = None,
        column: Annotated[str | None, typer.Option(help="Of the reference class.")] = None,
        sample: Annotated[str | None, typer.Option("--sample", help="Name of the sample, of several.")] = None,
        level: Annotated[float, typer.Option(help="Of the interval.")] = 0.95,
        out_folder: Annotated[Path | None, typer.Option("--out", help="Folder for COGs of the difference.")] = None,
        as_json: Json = False,
    ) -> None:  # fmt: skip
        """Counts of difference of two maps, a map of it, and which is worse against a reference. No areas of change."""
        with reported(as_json) as out:
            maps = _maps(first, second, product, other_product or product, step, other_step)
            told = _compared(*maps, layer, _numbers(edges), out_folder, out.say)
            if reference is not None:
                told["judged"] = _judged(*maps, told["kind"], reference, sample, column, level)
            out.result(told, lambda console: _show(console, told))


def _maps(
    first: str, second: str, product: str | None, other_product: str | None, step: str | None, other_step: str | None
) -> tuple[PublishedMap, PublishedMap]:
    from swath.assessment import PublishedMap
    from swath.assessment.audit import AuditedMap

    one = PublishedMap.open(first, product=product, step=step)
    steps = [map_.step for map_ in AuditedMap.open_all(second, product=other_product)]
    chosen = other_step or (one.step if one.step in steps else None)
    two = PublishedMap.open(second, product=other_product, step=chosen)
    if one.store == two.store and (one.root, one.step) == (two.root, two.step):
        raise SampleError(f"{one.id} is compared with itself.", fix="Name another step with --other-step, or a store.")
    return one, two


def _compared(
    one: PublishedMap, two: PublishedMap, layer: str | None, edges: list[float] | None, folder: Path | None, say: Any
) -> dict[str, Any]:
    from swath.assessment.compare import Difference, compare_classes, compare_values, value_layer

    chosen = value_layer(one, layer)
    difference = None if folder is None else Difference(folder, one, two, chosen)
    if chosen is None:
        on_tile = None if difference is None else difference.classes
        told = compare_classes(one, two, on_tile=on_tile, say=say).to_dict()
    else:
        on_tile = None if difference is None else difference.values
        told = compare_values(one, two, chosen, edges=edges, on_tile=on_tile, say=say).to_dict()
    if difference is not None:
        told["map_of_difference"] = str(difference.close())
    return told


def _judged(
    one: PublishedMap,
    two: PublishedMap,
    kind: str,
    reference: Path,
    sample: str | None,
    column: str | None,
    level: float,
) -> dict[str, Any]:
    from swath.assessment.compare import judge

    if kind != "classes":
        raise SampleError("A reference is held against maps of classes.", fix="Leave --reference or --layer out.")
    return judge(one, two, reference, sample=sample, column=column, level=level).to_dict()


def _numbers(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise SampleError(f"{text!r} are no edges of bins.", fix="Write them as 0,50,100.") from None


def _show(console: Console, told: dict[str, Any]) -> None:
    tiles = told["tiles"]
    key_values(
        console,
        [
            ("first", told["first"]), ("second", told["second"]),
            ("tiles in common", f"{tiles['common']:,}"),
            ("tiles of one only", f"{tiles['only first']:,} of the first, {tiles['only second']:,} of the second"),
        ],
    )  # fmt: skip
    (_show_classes if told["kind"] == "classes" else _show_values)(console, told)
    if "map_of_difference" in told:
        key_values(console, [("map", told["map_of_difference"])])
    if "judged" in told:
        _show_judged(console, told["judged"])
    console.print(told["note"], markup=False, style="bold")


def _show_classes(console: Console, told: dict[str, Any]) -> None:
    if told["agreement"] is None:
        console.print("no place is mapped by both")
        return
    console.print(
        f"agreement {told['agreement']:.1%} of what both map; hectares, rows the first map, columns the second"
    )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("", *told["classes"]):
        table.add_column(escape(title), justify="right" if title else "left")
    for name, row in zip(told["classes"], told["hectares"], strict=True):
        table.add_row(escape(name), *(f"{value:,.1f}" for value in row))
    console.print(table)
    key_values(console, [(f"mapped by {who}", f"{area:,.1f} ha") for who, area in told["unmapped_ha"].items()])
    for one in told["least_agreement"][:NAMED]:
        if one["share"] < 1:
            console.print(f"  {one['tile']}: {one['share']:.1%}", markup=False)


def _show_values(console: Console, told: dict[str, Any]) -> None:
    console.print(f"{told['layer']} in {told['unit']}, second less first", markup=False)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("first map", "pixels", "mean of first", "of second", "difference", "RMSD"):
        table.add_column(title, justify="left" if title == "first map" else "right")
    for one in [*told["bins"], {"from": None, "to": None, **told}]:
        low, high = ("" if one[end] is None else f"{one[end]:g}" for end in ("from", "to"))
        name = "all" if not low and not high else f"{low} to {high}".strip()
        figures = ("mean_first", "mean_second", "mean_difference", "rmsd")
        table.add_row(
            name, f"{one['pixels']:,}", *(f"{one[f]:.4g}" if one.get(f) is not None else "–" for f in figures)
        )
    console.print(table)


def _show_judged(console: Console, judged: dict[str, Any]) -> None:
    console.print(
        f"against the reference ({judged['title']}): {judged['units']:,} units, {judged['both right']:,} both right, "
        f"{judged['only first right']:,} only the first, {judged['only second right']:,} only the second, "
        f"{judged['both wrong']:,} both wrong, {judged['not mapped by both']:,} not mapped by both, "
        f"{judged['outside']:,} outside", markup=False,
    )  # fmt: skip
    found = judged["estimate"]
    if found is not None:
        console.print(
            f"accuracy of the first {found['accuracy_first']:.3f}, of the second {found['accuracy_second']:.3f}: "
            f"{found['difference']:+.3f} (SE {found['difference_se']:.3f}, {found['level']:.0%} from "
            f"{found['difference_low']:+.3f} to {found['difference_high']:+.3f})", markup=False,
        )  # fmt: skip
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("reference class", "both right", "only first right", "only second right", "both wrong"):
        table.add_column(title, justify="left" if title == "reference class" else "right")
    for name, counts in judged["by_reference_class"].items():
        table.add_row(escape(name), *(f"{count:,}" for count in counts.values()))
    console.print(table)
