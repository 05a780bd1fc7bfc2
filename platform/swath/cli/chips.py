"""`swath chips`: labels and images to a store of training samples, and a report of their split."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from swath.cli.maps import AreaText, PeriodText, ProductName, Resolution, SourceText, TileSize
from swath.cli.options import Cluster, ClusterName, Json, Workers
from swath.cli.output import key_values, reported
from swath.cli.train import LabelColumn, LabelsText, ProductOverrides, RecipeOverrides, RecipeText, asked_for
from swath.errors import RunFailedError
from swath.runs import StopSignal

if TYPE_CHECKING:
    from swath.training.split_report import SplitReport

REPORT = "split.json"


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel="Models")
    def chips(
        product: ProductName,
        labels: LabelsText,
        area: AreaText, period: PeriodText, source: SourceText,
        out_store: Annotated[str, typer.Option("--out", help="Folder or s3:// prefix of the chips.")],
        recipe: RecipeText = None, column: LabelColumn = None,
        stream: Annotated[
            bool, typer.Option("--stream", help="Write plan and index only: training reads the cubes.")
        ] = False,
        flattery: Annotated[
            bool, typer.Option(help="Report by how much a random split would flatter; it reads up to 512 chips.")
        ] = True,
        resolution: Resolution = None, tile_size: TileSize = None,
        cluster: Cluster = ClusterName.LOCAL, workers: Workers = None,
        overrides: RecipeOverrides = None, product_overrides: ProductOverrides = None,
        as_json: Json = False,
    ) -> None:  # fmt: skip
        """Cut chips for training: labels, images and split of a recipe. The same command goes on where it stopped."""
        from swath.training.any_labels import labels_line, read_any_labels
        from swath.training.chips import cut_chips, streamed_result
        from swath.training.chipset import ChipSet
        from swath.training.ready import chip_request
        from swath.training.split_report import split_report
        from swath.training.streamed import stream_chips

        with reported(as_json) as out:
            request, told = asked_for(
                product, recipe, area=area, period=period, source=source, column=column, resolution=resolution,
                tile_size=tile_size, overrides=overrides, product_overrides=product_overrides,
            )  # fmt: skip
            read = read_any_labels(labels, request, request.product, told.labels)
            out.say(labels_line(read))
            cube, settings = chip_request(request, told, held=told.held)
            if stream:
                found = stream_chips(cube, read, out_store, settings=settings, say=out.say)
                result = streamed_result(found)
            else:
                with StopSignal() as asked:
                    result = cut_chips(
                        cube, read, out_store,
                        settings=settings, keep_streamed=False, cluster=cluster.value, workers=workers,
                        display=out.display, should_stop=asked, say=out.say,
                    )  # fmt: skip
                found = ChipSet.open(out_store)
            out.say("reporting on the split")
            report = split_report(
                found.holding_out(test=told.test, validate=told.validate_on), with_flattery=flattery and not stream
            )
            found.store.put_bytes(REPORT, json.dumps(report.to_dict(), indent=1).encode())
            out.result(
                {**result.to_dict(), "streamed": stream, "split": report.to_dict()},
                lambda console: _show(console, result, report),
            )
            if result.failed:
                raise RunFailedError(
                    f"{result.failed} units gave no chips: {', '.join(result.hrefs[:3])}.",
                    fix="The same command tries them again.",
                    hrefs=result.hrefs,
                )


def _show(console: Console, result: Any, report: SplitReport) -> None:
    rows: list[tuple[str, object]] = [("chips", f"{result.chips} in {result.folder}")]
    rows += [(f"pixels of {name}", number) for name, number in result.classes.items()]
    rows += [("left out", f"{number} {reason}") for reason, number in result.dropped.items()]
    key_values(console, rows)
    for line in report.lines():
        console.print(escape(line))
