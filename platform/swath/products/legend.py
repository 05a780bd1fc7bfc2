"""A legend: what the codes of a class layer mean, and how they are drawn."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class LegendClass(BaseModel):
    """One class of a legend."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: int = Field(ge=0, le=65535, description="Number in the pixels.", examples=[10])
    name: str = Field(min_length=1, description="Short name, as a legend shows it.", examples=["tree cover"])
    color: str = Field(pattern=r"^#[0-9a-fA-F]{6}$", description="Colour as `#rrggbb`.", examples=["#006400"])
    description: str = Field(default="", description="Definition of the class, for readers of the STAC collection.")
    lccs: str = Field(default="", description="The class in terms of FAO's Land Cover Classification System.")
    ipcc: str = Field(default="", description="Land-use category of the IPCC's 2006 guidelines that it counts to.")

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Red, green and blue, 0 to 255."""
        return int(self.color[1:3], 16), int(self.color[3:5], 16), int(self.color[5:7], 16)


class Legend(BaseModel):
    """The classes of a layer, in the order in which a legend lists them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    classes: tuple[LegendClass, ...] = Field(min_length=1, description="Classes, in the order shown.")

    @model_validator(mode="after")
    def _each_code_once(self) -> Legend:
        codes = [c.code for c in self.classes]
        twice = sorted({c for c in codes if codes.count(c) > 1})
        if twice:
            raise ValueError(f"code {twice[0]} stands twice in the legend; give each class its own code")
        return self

    def colormap(self) -> dict[int, tuple[int, int, int, int]]:
        """Colour table by code: red, green, blue, alpha (0 to 255)."""
        return {c.code: (*c.rgb, 255) for c in self.classes}

    def to_stac(self) -> list[dict[str, Any]]:
        """The legend as `classification:classes` of the STAC classification extension 1.1.0."""
        return [
            {
                "value": c.code,
                "name": "".join(ch if ch.isalnum() else "_" for ch in c.name.lower()),
                "description": c.description or c.name,
                **({"swath:lccs": c.lccs} if c.lccs else {}),
                **({"swath:ipcc": c.ipcc} if c.ipcc else {}),
                "color_hint": c.color[1:].upper(),
            }
            for c in self.classes
        ]
