"""Which columns of a table are what."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class TableSchema(BaseModel):
    """Columns of a table of samples."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: tuple[str, ...] = Field(min_length=1, description="Columns of numbers that a model takes.")
    categories: dict[str, tuple[int, ...]] = Field(
        default_factory=dict, description="Columns of codes that a model takes, each with the codes that it may have."
    )
    x: str | None = Field(default=None, description="Column of longitude, or of easting in `crs`.")
    y: str | None = Field(default=None, description="Column of latitude, or of northing in `crs`.")
    crs: str = Field(default="EPSG:4326", min_length=1, description="Of x and y.")
    target: str | None = Field(default=None, description="Column of what is learned: a number, or a name.")
    weight: str | None = Field(default=None, description="Column of weights, above 0; null: all alike.")
    group: str | None = Field(
        default=None, description="Column of what must not be torn apart: a survey, a track, a plot, a taxon."
    )
    optional: tuple[str, ...] = Field(default=(), description="Features that a row may lack; any other must be there.")

    @model_validator(mode="after")
    def _each_once(self) -> TableSchema:
        named = [*self.columns, *(c for c in (self.x, self.y, self.target, self.weight, self.group) if c)]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} cannot be two things at once; name each column once")
        if (self.x is None) != (self.y is None):
            raise ValueError("a place has an x and a y; name both or neither")
        unknown = sorted(set(self.optional) - set(self.features))
        if unknown:
            raise ValueError(f"optional names {', '.join(unknown)}, which is no feature")
        empty = sorted(name for name, codes in self.categories.items() if not codes)
        if empty:
            raise ValueError(f"categories: {', '.join(empty)} has no codes; name those that it may have")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """What a model takes: numbers, then codes, in this order everywhere."""
        return (*self.features, *self.categories)

    @property
    def is_lonlat(self) -> bool:
        """Whether x and y are degrees."""
        return self.x is not None and self.crs.upper() in ("EPSG:4326", "OGC:CRS84")
