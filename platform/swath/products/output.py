"""What a product writes, and who stands behind it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from swath.products.layers import LayerRule


class Provider(BaseModel):
    """Who stands behind the map, as STAC names it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="Organisation or person.", examples=["My agency"])
    roles: tuple[Literal["licensor", "producer", "processor", "host"], ...] = Field(
        default=("producer",), description="What they do."
    )
    url: str | None = Field(default=None, description="Home page.")


class GridChoice(BaseModel):
    """The lattice of the map."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        default="auto",
        description="`utm`, `landsat`, an equal-area CRS (`EPSG:6933`), or `auto`: the collection's.",
    )
    resolution: float | None = Field(
        default=None, gt=0, description="Edge of a pixel, metres; null: the finest of the bands."
    )
    tile_size: int = Field(default=1536, gt=0, description="Edge of a tile, pixels; a multiple of 768 at 10 m.")


class Output(BaseModel):
    """What is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grid: GridChoice = Field(default_factory=GridChoice, description="The lattice of the map.")
    layers: dict[str, LayerRule] = Field(
        default_factory=dict,
        description="How layers are written, by name or pattern (`*`, `B0?`); later patterns win, field by field.",
    )
