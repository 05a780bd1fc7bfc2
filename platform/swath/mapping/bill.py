"""The bill of a plan before it is paid, and of a run as far as it has come."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from swath.errors import PriceError, RequestError
from swath.mapping.amounts import Amounts
from swath.planning.priced import Carbon, GpuMachine, Prices
from swath.planning.rates import Rate
from swath.planning.spread import Spread

HOUR, GB, MONTHS = 3600.0, 1e9, 12


@dataclass(frozen=True)
class Use:
    """What is used, whoever pays for it.

    Attributes:
        bytes_in: Read from the archive, B.
        bytes_out: Written to the store, B.
        gets: Requests that read.
        puts: Requests that write.
        core_hours: That cores are held.
        gpu_hours: That GPUs are held.
    """

    bytes_in: Spread
    bytes_out: Spread
    gets: Spread
    puts: Spread
    core_hours: Spread
    gpu_hours: Spread

    @classmethod
    def planned(cls, amounts: Amounts, rates: Mapping[str, Rate]) -> Use:
        """By rates."""
        rate = {name: one.spread for name, one in rates.items()}
        files = rate["files_a_scene"] * amounts.scenes
        seconds = rate["cpu_a_sample"] * amounts.samples + rate["cpu_a_pixel"] * amounts.pixels
        return cls(
            bytes_in=rate["bytes_a_sample"] * amounts.samples,
            bytes_out=rate["bytes_a_pixel"] * amounts.pixels,
            gets=files * rate["gets_a_file"],
            puts=Spread.exact(float(amounts.units * (amounts.layers + 1))),
            core_hours=(seconds * (1 / HOUR)).over(rate["busy"]),
            gpu_hours=rate["gpu_a_pixel"] * (amounts.pixels / HOUR),
        )


@dataclass(frozen=True)
class Bill:
    """Money and emissions of a use.

    Attributes:
        use: What is used.
        currency: Of the money.
        money: By what it is for; `storage` is a year's.
        kwh: Energy, the data centre's share included.
        kwh_basis: Measured or assumed.
        grams: gCO2e in the region of the prices.
        by_region: The same energy in each region that the carbon table knows, expected gCO2e.
    """

    use: Use
    currency: str
    money: dict[str, Spread]
    kwh: Spread
    grams: Spread
    kwh_basis: str = "assumed"
    by_region: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, use: Use, prices: Prices, carbon: Carbon, *, busy: float, kwh: float | None = None) -> Bill:
        """Priced.

        Args:
            use: What is used.
            prices: Of machines, requests and storage.
            carbon: Power and grids.
            busy: Share of the cores' time that is used: they draw less while they wait.
            kwh: At the machine's plug, where it was measured.

        Raises:
            PriceError: GPUs are used and the prices have none, or the carbon table lacks the region.
        """
        cpu = prices.cpu
        core_hours, machine = use.core_hours, cpu.hours(cpu.cores)
        compute = core_hours * machine
        watts = carbon.watts(busy, cpu.memory_gb / cpu.cores)
        energy = core_hours * (watts / 1000)
        if use.gpu_hours.high > 0:
            card = _gpu(prices)
            # cores beside a GPU are rented with it: only what they cannot do is rented besides
            with_gpu = use.gpu_hours * (card.cores / card.gpus)
            beside = Spread(*(max(0.0, a - b) for a, b in zip(_three(core_hours), _three(with_gpu), strict=True)))
            compute = use.gpu_hours * card.hours(card.gpus) + beside * machine
            energy = energy + use.gpu_hours * (card.gpu_watts / 1000)
        if kwh is not None:
            energy = Spread.exact(kwh)
        energy = energy * carbon.pue.spread
        out_gb = use.bytes_out * (1 / GB)
        grid = carbon.intensity(prices.region)
        return cls(
            use=use,
            currency=prices.currency,
            money={
                "compute": compute,
                "requests": use.gets * (prices.get_per_1000 / 1000) + use.puts * (prices.put_per_1000 / 1000),
                "transfer": out_gb * (prices.egress_gb * prices.egress_share) + use.bytes_in * (prices.ingress_gb / GB),
                "storage": out_gb * (prices.storage_gb_month * MONTHS),
            },
            kwh=energy,
            kwh_basis="assumed" if kwh is None else "measured",
            grams=energy * grid,
            by_region={region: energy.expected * grams for region, grams in sorted(carbon.grams_a_kwh.items())},
        )

    @property
    def total(self) -> Spread:
        """All the money, a year of storage included."""
        return sum(self.money.values(), Spread.exact(0.0))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "use": {name: getattr(self.use, name).to_dict() for name in self.use.__dataclass_fields__},
            "currency": self.currency,
            "money": {name: one.to_dict() for name, one in self.money.items()} | {"total": self.total.to_dict()},
            "kwh": self.kwh.to_dict(),
            "kwh_basis": self.kwh_basis,
            "grams_co2e": self.grams.to_dict(),
            "grams_co2e_by_region": self.by_region,
        }


def wall_s(use: Use, amounts: Amounts, workers: int, cores: int) -> Spread:
    """Seconds that so many workers take, each with so many cores: units are whole, so the last round may be thin."""
    if not amounts.units:
        return Spread.exact(0.0)
    rounds = math.ceil(amounts.units / workers)
    unit = use.core_hours * (HOUR / cores / amounts.units)
    if use.gpu_hours.high > 0:
        on_gpu = use.gpu_hours * (HOUR / amounts.units)
        unit = Spread(*(max(a, b) for a, b in zip(_three(unit), _three(on_gpu), strict=True)))
    return unit * rounds


def workers_for_deadline(
    use: Use, amounts: Amounts, *, deadline_s: float, cores: int, most: int, start_s: float = 0
) -> int:
    """The fewest workers that are done in time, by the expected rates.

    Args:
        use: What is used.
        amounts: What is asked for.
        deadline_s: Seconds, the start included.
        cores: Of each worker.
        most: No more can be had.
        start_s: Until the workers are there, seconds.

    Raises:
        RequestError: No number can; says the best there is. Facts: best_s, workers.
    """
    best = min(most, max(1, amounts.units))

    def takes(number: int) -> float:
        return start_s + wall_s(use, amounts, number, cores).expected

    least = takes(best)
    if least > deadline_s:
        # units are whole: often fewer workers take as long
        enough = _fewest(best, lambda number: takes(number) <= least * (1 + 1e-9))
        start = f", {said_time(start_s)} of it the start" if start_s else ""
        raise RequestError(
            f"No number of workers meets a deadline of {said_time(deadline_s)}: the best there is takes "
            f"{said_time(least)} with {enough} workers of {cores} cores{start}.",
            fix="Give a later deadline, more or larger workers, or smaller tiles.",
            best_s=least,
            workers=enough,
        )
    return _fewest(best, lambda number: takes(number) <= deadline_s)


def _fewest(highest: int, enough: Callable[[int], bool]) -> int:
    """The least number, from 1 to `highest`, that is enough; `highest` is, and what is more than enough is too."""
    low, high = 1, highest
    while low < high:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle + 1
    return low


def said_time(seconds: float) -> str:
    """Seconds for a person."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def gpu_workers_fed(rates: Mapping[str, Rate], amounts: Amounts, *, cores: int) -> int:
    """How many GPUs so many reading cores can feed, at least 1: more would wait."""
    read = rates["cpu_a_sample"].expected * amounts.samples / rates["busy"].expected / cores
    on_gpu = rates["gpu_a_pixel"].expected * amounts.pixels
    return max(1, math.floor(on_gpu / read)) if read > 0 else 1


def _gpu(prices: Prices) -> GpuMachine:
    if prices.gpu is None:
        raise PriceError(f"{prices.name} has no machine with a GPU, and the plan uses GPUs.", fix="Add `gpu:` to it.")
    return prices.gpu


def _three(spread: Spread) -> tuple[float, float, float]:
    return spread.low, spread.expected, spread.high
