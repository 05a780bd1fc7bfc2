"""Rates of a product on a kind of machine, measured by small runs and kept with their date.

They stand under SWATH_RATES as `<product>/<digest>-<machine>.json`. The digest is that of the fields that touch pixels,
with tile size and resolution: another area, period or title costs the same a sample.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from swath.errors import PriceError
from swath.planning.spread import Spread
from swath.products import Product
from swath.settings import settings
from swath.store import Store

#: What each rate is of, and its unit
RATES: Mapping[str, str] = {
    "bytes_a_sample": "B read a sample of the blocks touched",
    "cpu_a_sample": "core seconds a sample of the blocks touched: read, mask, reduce",
    "cpu_a_pixel": "core seconds a pixel of the map: network, layers, encoding, writing",
    "gpu_a_pixel": "GPU seconds a pixel of the map",
    "bytes_a_pixel": "B written a pixel of the map, all layers",
    "files_a_scene": "files opened a scene of a unit",
    "gets_a_file": "GET requests a file opened",
    "busy": "share of the cores' time that is used",
}
Basis = Literal["measured", "assumed"]


class Rate(BaseModel):
    """One rate with where it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float = Field(ge=0)
    expected: float = Field(ge=0)
    high: float = Field(ge=0)
    basis: Basis
    source: str = Field(description="Date, machine and seasons of a measured one, or the reason of an assumed one.")

    @classmethod
    def of(cls, spread: Spread, basis: Basis, source: str) -> Rate:
        """A spread with where it comes from."""
        return cls(low=spread.low, expected=spread.expected, high=spread.high, basis=basis, source=source)

    @property
    def spread(self) -> Spread:
        """As a value."""
        return Spread(self.low, self.expected, self.high)


class ProductRates(BaseModel):
    """All rates of a product on a kind of machine.

    Attributes:
        product: Its name.
        digest: See `rates_digest`.
        machine: Kind of machine.
        measured: Day of the runs, ISO 8601.
        seasons: Time steps that were run.
        units: Units that were run.
        rates: By the names of `RATES`; those that could not be measured are missing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    product: str
    digest: str
    machine: str
    measured: str
    seasons: tuple[str, ...]
    units: int = Field(ge=1)
    rates: dict[str, Rate]


def machine_kind() -> str:
    """CPU model, cores and GPU of this machine: equal words, comparable speed."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = (line.partition(":") for line in info.read_text().splitlines())
        model = next((value.strip() for name, _, value in lines if name.strip() == "model name"), model)
    cards = Path("/proc/driver/nvidia/gpus")
    gpus = len(list(cards.iterdir())) if cards.is_dir() else 0
    return f"{model} x{len(os.sched_getaffinity(0))}" + (f" with {gpus} GPU" if gpus else "")


def rates_digest(product: Product) -> str:
    """12 hexadecimal digits of what a sample and a pixel of a product cost."""
    grid = product.output.grid
    words = f"{product.pixel_digest()} {product.model_digest} {grid.name} {grid.resolution} {grid.tile_size}"
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def keep_rates(rates: ProductRates) -> str:
    """Write rates where `find_rates` looks; returns their address."""
    store, key = _store(), f"{rates.product}/{rates.digest}-{_slug(rates.machine)}.json"
    store.put_bytes(key, rates.model_dump_json(indent=1).encode())
    return store.url(key)


def find_rates(product: Product) -> ProductRates | None:
    """Rates of this product on this kind of machine, else on the machine that was measured last; None without any.

    Raises:
        PriceError: A file that is no rates file.
    """
    store, digest = _store(), rates_digest(product)
    found = []
    for key, _ in store.list(product.name):
        if key.split("/")[-1].startswith(f"{digest}-") and key.endswith(".json"):
            try:
                found.append(ProductRates.model_validate_json(store.read_bytes(key)))
            except ValidationError as fault:
                raise PriceError(
                    f"{store.url(key)} is no rates file: {fault.errors()[0]['msg']}.",
                    fix="Delete it and calibrate again.",
                ) from fault
    here = machine_kind()
    return max(found, key=lambda one: (one.machine == here, one.measured), default=None)


def _store() -> Store:
    return Store.open(settings().rates or Path("~/.config/swath/rates").expanduser())


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-").lower()
