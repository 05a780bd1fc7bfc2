"""`swath sample` and `swath assess`: accuracy, areas and totals of a map with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from swath.cli.assessed import show_accuracy, show_assessed, show_plotted, show_regional, show_sample
from swath.cli.elsewhere import run_elsewhere
from swath.cli.options import ClusterAddress, ClusterFile, ClusterName, ClusterOverrides, Detach, Json
from swath.cli.output import Output, reported
from swath.cluster import Where
from swath.errors import SampleError
from swath.store import Store

if TYPE_CHECKING:
    from swath.assessment import Regional, Zones

PANEL = "Trust a map"
StoreText = Annotated[str, typer.Argument(help="Store of `swath map`.")]
ProductOption = Annotated[
    str | None, typer.Option("--product", help="Name, or name/version, where a store has several.")
]
StepOption = Annotated[str | None, typer.Option("--step", help="Time step, where a map has several.")]


class DesignName(StrEnum):
    """How units are drawn."""

    STRATIFIED = "stratified"
    SIMPLE = "simple"
    SYSTEMATIC = "systematic"


class PlotDesignName(StrEnum):
    """How plots were drawn that do not come from `swath sample`."""

    SIMPLE = "simple"
    SYSTEMATIC = "systematic"
    STRATIFIED = "stratified"
    NONE = "none"


class SeenName(StrEnum):
    """Whether the map's model has seen the plots."""

    EXTERNAL = "external"
    CROSS_FITTED = "cross-fitted"


class VarianceName(StrEnum):
    """How the variance of a systematic sample is computed."""

    SIMPLE = "simple"
    LOCAL = "local"


class AllocationName(StrEnum):
    """How units are shared out over strata."""

    EQUAL = "equal"
    PROPORTIONAL = "proportional"
    NEYMAN = "neyman"


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command(rich_help_panel=PANEL)
    def sample(
        store: StoreText,
        design: Annotated[DesignName, typer.Option(help="How units are drawn.")] = DesignName.STRATIFIED,
        number: Annotated[int | None, typer.Option("--units", min=2, help="Units in all. [default: 500]")] = None,
        standard_error: Annotated[
            float | None, typer.Option(help="Of the overall accuracy: as many units as it takes.")
        ] = None,
        allocation: Annotated[AllocationName, typer.Option(help="Of units to strata.")] = AllocationName.PROPORTIONAL,
        least: Annotated[int, typer.Option(min=2, help="Units of each stratum, at least.")] = 30,
        expected: Annotated[
            list[str] | None,
            typer.Option(help="User's accuracy that a class is expected to have, as water=0.9; may be repeated."),
        ] = None,
        zones: Annotated[Path | None, typer.Option(help="Polygons that make strata of their own.")] = None,
        zone_column: Annotated[str, typer.Option(help="Column of their names.")] = "stratum",
        seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
        name: Annotated[str | None, typer.Option(help="Of the sample. [default: DESIGN-SEED]")] = None,
        layer: Annotated[str | None, typer.Option(help="Layer of values, where the map has no classes.")] = None,
        edges: Annotated[
            str | None,
            typer.Option(help="Between bins of values that are strata, as 20,50,100. [default: five bins]"),
        ] = None,
        product: ProductOption = None, step: StepOption = None, as_json: Json = False,
    ) -> None:  # fmt: skip
        """Draw a probability sample of a map: plots for interpreters, and apart from them what the map says."""
        from swath.assessment import PublishedMap, Zones, draw_sample

        with reported(as_json) as out:
            made = draw_sample(
                PublishedMap.open(store, product=product, step=step),
                design=design.value, number=number, standard_error=standard_error, allocation=allocation.value,
                least=least, expected=_expected(expected), seed=seed, name=name, layer=layer, edges=_edges(edges),
                zones=None if zones is None else Zones.read(zones, column=zone_column), say=out.say,
            )  # fmt: skip
            values = {"sample": made.store.url(made.folder), **made.design}
            out.result(values, lambda console: show_sample(console, made))

    @app.command(rich_help_panel=PANEL)
    def assess(
        context: typer.Context,
        store: Annotated[str | None, typer.Argument(help="Store of `swath map`; not needed with --matrix.")] = None,
        reference: Annotated[Path | None, typer.Option(help="What interpreters found or crews measured.")] = None,
        column: Annotated[str | None, typer.Option(help="Of the reference class or value.")] = None,
        name: Annotated[str | None, typer.Option("--sample", help="Name of the sample, of several.")] = None,
        regions: Annotated[Path | None, typer.Option(help="Polygons: estimates for each of them too.")] = None,
        region_column: Annotated[str, typer.Option(help="Column of their names.")] = "name",
        variance: Annotated[VarianceName, typer.Option(help="Of a systematic sample.")] = VarianceName.SIMPLE,
        design: Annotated[
            PlotDesignName | None,
            typer.Option(help="Of plots that swath sample has not drawn; none: they are no probability sample."),
        ] = None,
        seen: Annotated[
            SeenName | None,
            typer.Option("--model", help="Whether the map's model has seen the plots: external, it has not; "
                         "cross-fitted, the column `prediction` is of folds that had not."),
        ] = None,
        crs: Annotated[str | None, typer.Option(help="Of coordinates in a table, as EPSG:32633.")] = None,
        drop: Annotated[
            bool, typer.Option("--drop-unmapped", help="Leave out plots outside the map or on no data, counted.")
        ] = False,
        tracks: Annotated[Path | None, typer.Option(help="Lidar footprints by track: hybrid totals.")] = None,
        common_cv: Annotated[
            float, typer.Option(help="CV of what all plots or footprints share, for hybrid and model-based totals.")
        ] = 0.10,
        layer: Annotated[str | None, typer.Option(help="Layer of values, of several.")] = None,
        matrix: Annotated[Path | None, typer.Option(help="CSV of counts: rows map, columns reference.")] = None,
        areas: Annotated[Path | None, typer.Option(help="CSV of names and hectares of the map's classes.")] = None,
        level: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
        product: ProductOption = None, step: StepOption = None,
        cluster: ClusterAddress = ClusterName.INLINE.value, cluster_spec: ClusterFile = None,
        cluster_overrides: ClusterOverrides = None, detach: Detach = False, as_json: Json = False,
    ) -> None:  # fmt: skip
        """Accuracy, areas and totals with intervals, from a sample, plots, tracks, or a table of counts."""
        from swath.assessment import PublishedMap, Tally, accuracy

        with reported(as_json) as out:
            if not 0.5 <= level < 1:
                raise SampleError(f"A level of {level:g} is none.", fix="Give a share from 0.5 to below 1, as 0.95.")
            if (matrix is None) != (areas is None):
                raise SampleError("--matrix and --areas go together.", fix="Give both.")
            if (matrix is None) == (store is None):
                raise SampleError("Nothing to assess.", fix="Give a store with --reference, or --matrix with --areas.")
            if matrix is not None and areas is not None:
                found = accuracy(Tally.read(matrix, areas), level=level)
                out.result(found.to_dict(), lambda console: show_accuracy(console, found))
                return
            if (reference is None) == (tracks is None):
                raise SampleError("One reference is needed.", fix="Give --reference FILE, or --tracks FILE.")
            assert store is not None
            where = Where.of(cluster, spec=cluster_spec, overrides=cluster_overrides or ())
            if where.name in ("local", "auto"):
                raise SampleError("It runs in one process.", fix=f"Leave --cluster {where.name} out.")
            if where.elsewhere or detach:
                run_elsewhere(out, context, "assess", where, Store.open(store), stores=["store"], detach=detach)
                return
            asked = Asked(
                PublishedMap.open(store, product=product, step=step), _regions(regions, region_column), layer, column,
                name, variance.value, design and design.value, seen and seen.value, crs, drop, common_cv, level, out,
            )  # fmt: skip
            if tracks is not None:
                asked.tracks(tracks)
            elif reference is not None:
                asked.reference(reference)


def _regions(path: Path | None, column: str) -> Zones | None:
    from swath.assessment.zones import MOST_REGIONS, Zones

    return None if path is None else Zones.read(path, column=column, most=MOST_REGIONS)


@dataclass(frozen=True)
class Asked:
    """What `swath assess` was asked of a map."""

    map: Any
    regions: Zones | None
    layer: str | None
    column: str | None
    sample: str | None
    variance: Any
    design: str | None
    seen: Any
    crs: str | None
    drop: bool
    common_cv: float
    level: float
    out: Output

    def tracks(self, path: Path) -> None:
        """Hybrid totals."""
        from swath.assessment import assess_tracks

        made = assess_tracks(
            self.map, path, self._values(), column=self.column, crs=self.crs, regions=self.regions,
            common_cv=self.common_cv, level=self.level, say=self.out.say,
        )  # fmt: skip
        self._told(made)

    def reference(self, path: Path) -> None:
        """Accuracy, areas and totals: of a sample, or of plots that others drew."""
        from swath.assessment import (
            areas_by_region,
            assess_class_plots,
            assess_map,
            assess_plots,
            assess_values,
            chosen_sample,
        )  # fmt: skip
        from swath.assessment.values import value_layer

        layer, say = value_layer(self.map, self.layer), self.out.say
        if self.design is not None and layer is not None:
            made = assess_plots(
                self.map, path, layer, design=self.design, column=self.column, crs=self.crs, regions=self.regions,
                seen=self.seen, how=self.variance, drop=self.drop, common_cv=self.common_cv, level=self.level, say=say,
            )  # fmt: skip
            self._told(made)
        elif self.design is not None:
            if self.regions is not None or self.variance != "simple":
                raise SampleError(
                    "Regions and a local variance of classes are for samples by swath sample.", fix="Leave them out."
                )
            plotted = assess_class_plots(
                self.map, path, design=self.design, column=self.column, crs=self.crs, drop=self.drop, level=self.level,
                say=say,
            )  # fmt: skip
            self.out.result(plotted.to_dict(), lambda console: show_plotted(console, plotted))
        elif layer is not None:
            chosen = chosen_sample(self.map, self.sample)
            made = assess_values(
                self.map, path, chosen, column=self.column, regions=self.regions, seen=self.seen or "external",
                how=self.variance, level=self.level, say=say,
            )  # fmt: skip
            self._told(made)
        else:
            of = assess_map(self.map, path, sample=self.sample, column=self.column, level=self.level, how=self.variance)
            told, extra = of.to_dict(), None
            if self.regions is not None:
                joined = of.reference.joined(of.sample)
                extra = areas_by_region(
                    self.map, of.sample, joined, self.regions, how=self.variance, level=self.level, say=say
                )
                told["regions"] = extra.to_dict()
            self.out.result(told, lambda console: show_assessed(console, of.accuracy, extra))

    def _values(self) -> str:
        from swath.assessment.values import value_layer

        layer = value_layer(self.map, self.layer)
        if layer is None:
            raise SampleError(f"{self.map.root} is a map of classes.", fix="Give tracks for a map of values.")
        return layer

    def _told(self, made: Regional) -> None:
        self.out.result(made.to_dict(), lambda console: show_regional(console, made))


def _edges(text: str | None) -> tuple[float, ...] | None:
    """Numbers, of a text as `20,50,100`."""
    if text is None:
        return None
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise SampleError(f"{text!r} are no edges.", fix="Write them as 20,50,100.") from None


def _expected(told: list[str] | None) -> dict[str, float]:
    """Accuracies by class, of texts as `water=0.9`."""
    found = {}
    for text in told or ():
        name, mark, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise SampleError(f"{text!r} is no expected accuracy.", fix="Write it as water=0.9.") from None
        if not mark:
            raise SampleError(f"{text!r} is no expected accuracy.", fix="Write it as water=0.9.")
    return found
