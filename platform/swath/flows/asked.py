"""What flows are asked for: the options of the command line as forms."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from swath.cluster.where import Where
from swath.errors import ClusterError
from swath.grid import Period
from swath.mapping import Limits, Stale, Window
from swath.planning import MapRequest, request_of
from swath.planning.rolling import ended_steps


def required_first(schema: dict[str, Any]) -> None:
    """Order the fields of a form: what must be said comes first."""
    fields, required = schema["properties"], schema.get("required", [])
    schema["properties"] = {name: fields[name] for name in sorted(fields, key=lambda name: name not in required)}


def maps_of(store: str, product: str | None) -> str:
    """Maps of a store, or those of one product, in names of runs."""
    return store if product is None else f"{product} {store}"


class Told(BaseModel):
    """What all flows are told."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=required_first)

    notify: str | None = Field(
        default=None,
        title="Tell",
        description="Block of Prefect that is told how it ended, as slack-webhook/maps; by default nobody.",
    )
    wait_h: float = Field(
        default=0, ge=0, le=168, title="Wait, h", description="For another run of the same store; at 0 it is refused."
    )


class OnCluster(Told):
    """Where the work is done."""

    cluster: str = Field(
        default="local",
        description="inline or local: a process of the machine of the flow; http(s)://HOST:8265: a Ray cluster; "
        "kuberay: one that is made for the run.",
    )
    cluster_spec: str | None = Field(default=None, description="With kuberay: YAML of the cluster.")

    def where(self) -> Where:
        """Where, checked.

        Raises:
            ClusterError: No such place.
        """
        return self._where()

    def _where(self, deadline_h: float | None = None) -> Where:
        if self.cluster == "auto":
            raise ClusterError(
                "auto is the cluster around a process, and the job of a flow run is a process of its own.",
                fix="Give http://HOST:8265, the address of that cluster's Jobs API, or local.",
            )
        return Where.of(self.cluster, spec=self.cluster_spec, deadline_h=deadline_h)


class Making(OnCluster):
    """How maps are made, and what may be spent."""

    deadline_h: float | None = Field(
        default=None, gt=0, title="Deadline, h", description="With kuberay: as many workers as this needs."
    )
    workers: int | None = Field(default=None, ge=1, description="Most workers; by default what the cores allow.")
    stale: Literal["keep", "redo"] | None = Field(default=None, description="Tiles made by older code.")
    prices: str | None = Field(default=None, description="Prices: a YAML file, or one that ships with Swath.")
    carbon: str | None = Field(default=None, description="Power of machines and carbon of grids: a YAML file.")
    max_cost: float | None = Field(default=None, ge=0, description="Approved up to so much; above it nothing starts.")
    max_carbon: float | None = Field(default=None, ge=0, title="Max carbon, gCO2e", description="The same.")
    audit: bool = Field(default=True, description="A map that fails its audit stays unpublished.")
    report: bool = Field(default=True, description="Write the report of each time step.")

    def where(self) -> Where:
        """Where, checked, with the deadline.

        Raises:
            ClusterError: No such place.
        """
        return self._where(self.deadline_h)

    @property
    def limits(self) -> Limits:
        """What may be spent."""
        return Limits(self.max_cost, self.max_carbon)

    @property
    def older(self) -> Stale | None:
        """What to do with tiles of older code."""
        return None if self.stale is None else Stale(self.stale)


class MapAsked(Making):
    """A map: the options of `swath map`."""

    product: str = Field(description="Name of a shipped product, or a YAML file.")
    area: str = Field(description="File, west,south,east,north in degrees, or a country's or continent's name.")
    period: str = Field(
        description="START/END/STEP with END included, as 2008/2023/P1Y; or the last that ended: last/P1Y, last/3/P1M."
    )
    source: str = Field(description="STAC API, static catalog, stac-geoparquet table or item file: URL or path.")
    store: str = Field(description="Folder or s3:// prefix.")
    region: str = Field(default="", description="Name of the area in names of runs; by default the area as given.")
    model: str | None = Field(default=None, description="Folder of a package, or NAME@ALIAS of the registry.")
    resolution: float | None = Field(default=None, ge=0.1, title="Resolution, m", description="Edge of a pixel.")
    tile_size: int | None = Field(default=None, ge=1, title="Tile, px", description="Edge of a tile.")
    overrides: list[str] = Field(default=[], title="Set", description="FIELD=VALUE of the product, a line each.")

    @property
    def place(self) -> str:
        """Of the map, in names of runs."""
        return self.region or (self.area if len(self.area) <= 40 else f"{self.area[:37]}…")

    def on(self, day: date) -> Self:
        """The same, seen from a day: the last period has dates.

        Raises:
            PeriodError: It cannot be read.
        """
        return self.model_copy(update={"period": ended_steps(self.period, until=day)})

    def request(self) -> MapRequest:
        """The same request as the command's.

        Raises:
            ProductError: No such product, or a field that it has not.
        """
        return request_of(
            self.product,
            self.area,
            self.period,
            self.source,
            model=self.model,
            resolution=self.resolution,
            tile_size=self.tile_size,
            overrides=self.overrides,
        )


class UpdateAsked(Making):
    """An update of the maps of a store: the options of `swath update`."""

    store: str = Field(description="Folder or s3:// prefix of the maps.")
    product: str | None = Field(default=None, description="Only its maps: NAME or NAME/VERSION.")
    period: str | None = Field(default=None, description="Periods to look at; by default those of the last run.")
    last: int | None = Field(default=None, ge=1, description="Or the last so many steps; days, for acquisitions.")
    until: date | None = Field(default=None, description="The day that the last step holds; that of the schedule.")
    ended: bool = Field(default=False, description="With last: only steps that have ended before that day.")
    source: str | None = Field(default=None, description="Search here instead of where the last run searched.")

    @property
    def maps(self) -> str:
        """Which they are, in names of runs."""
        return maps_of(self.store, self.product)

    def on(self, day: date) -> Self:
        """The same, seen from a day: the last steps end there."""
        return self if self.last is None or self.until is not None else self.model_copy(update={"until": day})

    @property
    def window(self) -> Window:
        """Which periods are looked at.

        Raises:
            PeriodError: What does not go together.
        """
        period = None if self.period is None else Period.parse(self.period)
        return Window(period=period, last=self.last, until=self.until, ended=self.ended)
