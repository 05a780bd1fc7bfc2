"""How occurrence records are cleaned and thinned."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

#: Records of living things where they stood: fossils, zoos and gardens say nothing of where a species lives.
WILD = (
    "HUMAN_OBSERVATION", "MACHINE_OBSERVATION", "OBSERVATION", "OCCURRENCE", "PRESERVED_SPECIMEN", "MATERIAL_SAMPLE",
)  # fmt: skip


class OccurrenceRules(BaseModel):
    """Which records are learned from. Zizka et al. 2019 (CoordinateCleaner, doi:10.1111/2041-210X.13152)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    species: tuple[str, ...] | None = Field(default=None, description="Names to keep; null: all.")
    uncertainty_m: float = Field(
        default=1000.0, gt=0, description="Records whose coordinateUncertaintyInMeters is above this are left out."
    )
    unknown_uncertainty: Literal["keep", "drop"] = Field(
        default="keep", description="What becomes of records that tell no uncertainty."
    )
    basis: tuple[str, ...] | None = Field(
        default=WILD, description="Values of basisOfRecord that are kept, in any case; null: all."
    )
    licences: tuple[str, ...] | None = Field(
        default=("CC0", "CC-BY", "CC-BY-NC"),
        description="Licences that are kept, whatever their version; null: all, and records without one.",
    )
    years: tuple[int, int] | None = Field(
        default=None, description="First and last year; records without a year are then left out. Null: any."
    )
    centroids: str | None = Field(
        default=None,
        description="Table with lon and lat of centroids of countries, provinces and capitals, where records are put "
        "that have no place.",
    )
    centroid_m: float = Field(default=1000.0, ge=0, description="Records this near to a centroid are left out.")
    thin_m: float = Field(
        default=1000.0, ge=0, description="One record of a species stays in a cell of this edge (EPSG:6933); 0: all."
    )
    least: int = Field(default=10, ge=1, description="Records that a species needs.")
    rare: Literal["refuse", "flag"] = Field(
        default="flag",
        description="What becomes of species with fewer: `flag` leaves them out and names them, `refuse` ends there.",
    )


def licence_of(text: str) -> str:
    """A licence's usual name from a name or URL: `CC-BY-NC`, `CC-BY`, `CC0`; else the text as it stands.

    `CC_BY_NC_4_0`, `http://creativecommons.org/licenses/by-nc/4.0/legalcode` and `CC BY-NC 4.0` are one.
    """
    word = text.strip().upper().replace("_", "-").replace(" ", "-")
    if "PUBLICDOMAIN" in word or word.startswith("CC0"):
        return "CC0"
    part = word.partition("LICENSES/")[2].partition("/")[0] if "LICENSES/" in word else word.removeprefix("CC-")
    known = [name for name in ("BY-NC-ND", "BY-NC-SA", "BY-NC", "BY-ND", "BY-SA", "BY") if part.startswith(name)]
    return f"CC-{known[0]}" if known else text.strip()
