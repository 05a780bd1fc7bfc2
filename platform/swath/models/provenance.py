"""Where a model comes from: what it learned from, where, when, by which code, and under which licence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

#: SPDX identifier or expression (`Apache-2.0`, `MIT OR Apache-2.0`), or `other`
Licence = Annotated[str, Field(pattern=r"^[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*$")]


class Provenance(BaseModel):
    """Where a model comes from. Nothing in it decides what the model computes.

    Attributes:
        licence: SPDX, or `other`.
        title: One line for people.
        description: What it is for, and what it must not be used for.
        architecture: As the literature names it; from the parts of the network unless given.
        source: Where it was taken from, a URL.
        labels: What it learned from: names, files or DOIs.
        items: Ids of the STAC items that the chips were cut from.
        geometry: GeoJSON of the area that it was trained on, EPSG:4326; None for the whole world, or unknown.
        start: Begin of the period that it was trained on.
        end: End of that period.
        created: When the package was made; now, unless given.
        code: Version of what trained it, by name of the software.
        framework: As STAC MLM names it.
        framework_version: Of it.
        parameters: Number of weights.
        hyperparameters: Of the training.
        metrics: Measured on what it did not see in training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    licence: Licence
    title: str | None = Field(default=None, min_length=1)
    description: str | None = Field(default=None, min_length=1)
    architecture: str | None = Field(default=None, min_length=1)
    source: str | None = Field(default=None, pattern=r"^https?://")
    labels: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    geometry: dict[str, Any] | None = None
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    created: AwareDatetime | None = None
    code: dict[str, str] = {}
    framework: str | None = Field(default=None, min_length=1)
    framework_version: str | None = Field(default=None, pattern=r"^[0-9]+\.[0-9]+\.[0-9]+([-+].+)?$")
    parameters: int | None = Field(default=None, ge=0)
    hyperparameters: dict[Annotated[str, Field(pattern=r"^[0-9a-zA-Z_.-]+$")], JsonValue] = {}
    metrics: dict[str, float] = {}

    @field_validator("geometry")
    @classmethod
    def _an_area(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None and value.get("type") not in ("Polygon", "MultiPolygon"):
            raise ValueError(f"{value.get('type')!r} is no area; give a GeoJSON Polygon or MultiPolygon")
        return value

    @model_validator(mode="after")
    def _a_period(self) -> Provenance:
        if (self.start is None) != (self.end is None):
            raise ValueError("a period has a start and an end")
        if self.start and self.end and self.end < self.start:
            raise ValueError(f"the period ends {self.end.isoformat()}, before its start {self.start.isoformat()}")
        return self


def instant(value: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return value.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
