"""Chips of several sensors for one network: each sensor's acquisitions are cut by themselves, then united."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field

from swath.planning import MapRequest
from swath.products.inputs import Wanted
from swath.training.chips import ChipsResult


class Sensor(BaseModel):
    """Acquisitions of one sensor, of a training that takes several."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="Names its chips.")
    collection: str = Field(min_length=1, description="Its collection, as `swath collections` lists it.")
    source: str | None = Field(
        default=None,
        description="Where it is searched, as --source names it; null: where the training's other items are.",
    )
    bands: tuple[str, ...] = Field(default=("all",), min_length=1, description="Bands that are taken of it.")
    where: dict[str, Wanted | tuple[Wanted, ...]] = Field(
        default_factory=dict, description="Properties that its items must have, as sat:orbit_state: descending."
    )
    layer: str | None = Field(default=None, description="Of the file of labels, where it has several.")

    def request(self, request: MapRequest) -> MapRequest:
        """A request for this sensor alone.

        Raises:
            ProductError: The product has other inputs beside the first, or no such collection.
        """
        data = request.product.model_dump(mode="json")
        data["inputs"][0] |= {"collection": self.collection, "where": dict(self.where)}
        if self.source is not None:
            data["inputs"][0]["source"] = self.source
        return replace(request, product=type(request.product).model_validate(data))

    def labels(self, text: str) -> str:
        """The labels of this sensor."""
        return text if self.layer is None else f"{text}::{self.layer}"


def joined_result(folder: str, results: Sequence[ChipsResult]) -> ChipsResult:
    """How cutting went, over all sensors."""
    made = ChipsResult(folder, agreement=any(one.agreement for one in results))
    for one in results:
        for name in ("chips", "done", "found", "failed", "seconds"):
            setattr(made, name, getattr(made, name) + getattr(one, name))
        made.failures = [*made.failures, *one.failures][:100]
        for mine, theirs in ((made.classes, one.classes), (made.dropped, one.dropped)):
            for name, number in theirs.items():
                mine[name] = mine.get(name, 0) + number
    return made
