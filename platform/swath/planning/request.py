"""A request: what a person asks for, as a value with a name."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from swath.grid import Area, Period
from swath.models import Package
from swath.products import Product


@dataclass(frozen=True)
class MapRequest:
    """A product over an area and a period, from a source.

    Attributes:
        product: With all overrides applied; names the grid too.
        area: Units are the tiles that it touches.
        period: Cut into time steps.
        source: STAC API, static catalog, item table or item file, as `swath.sources.search` takes it.
        package: Model package that the product was given, for one that maps with a model.
    """

    product: Product
    area: Area
    period: Period
    source: str
    package: Package | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        sources = [given.source for given in self.product.inputs]
        return {
            "product": self.product.name,
            "version": self.product.version,
            "product_digest": self.product.pixel_digest(),
            "grid": self.product.output.grid.model_dump(mode="json"),
            "area": self.area.name,
            "area_digest": self.area.digest,
            "period": self.period.text,
            "source": self.source,
            **({"sources": sources} if any(sources) else {}),
        }

    @property
    def run(self) -> str:
        """Id of the run that carries this request out: the same request, the same run."""
        asked = self.to_dict()
        del asked["area"]  # two names of one area ask for the same
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]
