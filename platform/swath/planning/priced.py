"""What machines, requests and storage cost, and what their power emits: dated files with their sources."""

from __future__ import annotations

import datetime as dt
import warnings
from importlib import resources
from pathlib import Path
from typing import Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from swath.errors import OldPricesWarning, PriceError
from swath.forms import read_yaml, suggest, validate
from swath.planning.spread import Spread

OLD_DAYS = 365
T = TypeVar("T", bound="Dated")
_FORM = ConfigDict(frozen=True, extra="forbid")


class Dated(BaseModel):
    """A table that grows old."""

    model_config = _FORM

    name: str = Field(min_length=1, description="What a person calls it.")
    date: dt.date = Field(description="Day on which the numbers were looked up.")
    source: tuple[str, ...] = Field(min_length=1, description="Where they stand, URLs.")
    note: str = Field("", description="What is not in them.")

    def age(self, today: dt.date | None = None) -> int:
        """Days since they were looked up."""
        return ((today or dt.datetime.now(dt.UTC).date()) - self.date).days

    def warn_if_old(self, today: dt.date | None = None) -> None:
        """Warn of a table older than a year."""
        days = self.age(today)
        if days > OLD_DAYS:
            warnings.warn(
                f"{self.name} is of {self.date}, {days} days ago: look at {self.source[0]} and write a newer file.",
                OldPricesWarning,
                stacklevel=3,
            )


class Machine(BaseModel):
    """A kind of machine that is rented by the hour."""

    model_config = _FORM

    machine: str = Field(min_length=1, description="Its name at the provider.")
    cores: int = Field(ge=1, description="Virtual cores.")
    memory_gb: float = Field(gt=0, description="Memory, GB.")
    hour: float = Field(ge=0, description="Price of an hour on demand.")
    spot_hour: float | None = Field(None, ge=0, description="Of an hour that may be taken back; the low guess.")

    @model_validator(mode="after")
    def _spot_is_less(self) -> Self:
        if self.spot_hour is not None and self.spot_hour > self.hour:
            raise ValueError(f"spot_hour {self.spot_hour} is above hour {self.hour}")
        return self

    def hours(self, parts: int) -> Spread:
        """Price of an hour of one of so many equal parts: low by spot, else on demand."""
        spot = self.hour if self.spot_hour is None else self.spot_hour
        return Spread(spot / parts, self.hour / parts, self.hour / parts)


class GpuMachine(Machine):
    """One with GPUs; its cores come with them."""

    gpus: int = Field(ge=1, description="GPUs.")
    gpu_watts: float = Field(gt=0, description="Power of one GPU at full load, W.")


class Prices(Dated):
    """Prices of one provider in one region."""

    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217, as USD.")
    region: str = Field(min_length=1, description="Its name in the carbon table, as aws/us-west-2.")
    cpu: Machine = Field(description="What workers without a GPU run on.")
    gpu: GpuMachine | None = Field(None, description="What workers with a GPU run on.")
    get_per_1000: float = Field(ge=0, description="A thousand GET requests.")
    put_per_1000: float = Field(ge=0, description="A thousand PUT or LIST requests.")
    storage_gb_month: float = Field(ge=0, description="A GB kept for a month.")
    egress_gb: float = Field(ge=0, description="A GB that leaves the region.")
    egress_share: float = Field(1.0, ge=0, description="How often all of a map leaves the region: 1 is fetched once.")
    ingress_gb: float = Field(0.0, ge=0, description="A GB of the archive that comes into the region.")

    @classmethod
    def load(cls, name: str | Path, *, today: dt.date | None = None) -> Prices:
        """A file, or one that ships with Swath by its name.

        Raises:
            PriceError: There is none, or it has faults.
        """
        prices = _load(cls, name, "price file")
        prices.warn_if_old(today)
        return prices


class Range(BaseModel):
    """Three guesses, as a person writes them."""

    model_config = _FORM

    low: float = Field(ge=0)
    expected: float = Field(ge=0)
    high: float = Field(ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.expected <= self.high:
            raise ValueError("low, expected and high must rise")
        return self

    @property
    def spread(self) -> Spread:
        """As a value."""
        return Spread(self.low, self.expected, self.high)


class Carbon(Dated):
    """Power of machines and carbon intensity of grids.

    Power follows Cloud Carbon Footprint: idle + utilisation x (busy - idle) watts a virtual core, watts a GB of memory,
    times the data centre's power usage effectiveness (https://www.cloudcarbonfootprint.org/docs/methodology/).
    """

    core_idle_watts: float = Field(ge=0, description="Of a virtual core that waits.")
    core_busy_watts: float = Field(gt=0, description="Of one at full load.")
    memory_watts_gb: float = Field(ge=0, description="Of a GB of memory.")
    pue: Range = Field(description="Power of the data centre over that of its machines.")
    grams_a_kwh: dict[str, float] = Field(min_length=1, description="gCO2e a kWh, by region.")

    @classmethod
    def load(cls, name: str | Path = "carbon-2026-11", *, today: dt.date | None = None) -> Carbon:
        """A file, or one that ships with Swath by its name.

        Raises:
            PriceError: There is none, or it has faults.
        """
        carbon = _load(cls, name, "carbon file")
        carbon.warn_if_old(today)
        return carbon

    def watts(self, busy: float, memory_gb: float = 0.0) -> float:
        """Of one core at this utilisation with its share of memory, at the machine's plug."""
        return (
            self.core_idle_watts
            + busy * (self.core_busy_watts - self.core_idle_watts)
            + self.memory_watts_gb * memory_gb
        )

    def intensity(self, region: str) -> float:
        """gCO2e a kWh of a region.

        Raises:
            PriceError: The table lacks it.
        """
        if region not in self.grams_a_kwh:
            raise PriceError(
                f"{self.name} has no carbon intensity of {region!r}.",
                fix=suggest(region, sorted(self.grams_a_kwh)),
                region=region,
            )
        return self.grams_a_kwh[region]


def shipped() -> list[str]:
    """Names of the tables that ship with Swath."""
    folder = resources.files("swath.planning") / "prices"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def _load(kind: type[T], name: str | Path, what: str) -> T:
    text = str(name)
    if text in shipped():
        data = yaml.safe_load((resources.files("swath.planning") / "prices" / f"{text}.yaml").read_text("utf-8"))
    elif Path(text).suffix in (".yaml", ".yml"):
        data = read_yaml(text, what=what.capitalize(), error=PriceError)
    else:
        raise PriceError(f"{text!r} is no {what}.", fix=f"Give a YAML file, or: {', '.join(shipped())}.", value=text)
    return validate(kind, data, where=text, what=what, start="one of those that ship", error=PriceError)
