"""Small runs of a product on this machine, over several seasons, that measure its rates."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from swath.errors import RunFailedError
from swath.mapping.amounts import Amounts, amounts_of
from swath.mapping.meter import Used
from swath.mapping.plan import Plan, make_plan
from swath.mapping.run import carry_out
from swath.planning.inputs import Said
from swath.planning.rates import ProductRates, Rate, machine_kind, rates_digest
from swath.planning.request import MapRequest
from swath.planning.spread import Spread
from swath.store import Store


@dataclass(frozen=True)
class Reading:
    """One small run.

    Attributes:
        season: Its period.
        amounts: What it made.
        used: What it took.
        on_gpu: Whether its network ran on a GPU.
        cores: Of this machine.
    """

    season: str
    amounts: Amounts
    used: Used
    on_gpu: bool = False
    cores: int = 1


def calibrate(requests: Sequence[MapRequest], *, say: Said = lambda _: None) -> ProductRates:
    """Run each request in this process into a store that is thrown away, and measure.

    The first is run twice and measured the second time: compiled kernels, libraries and the model are loaded once, and
    of a real run that is nothing. CPU seconds are shared out between samples and pixels as the stages' times are.

    Args:
        requests: Of one product; small areas, of different seasons.
        say: Told what is being done.

    Returns:
        Rates with low, expected and high from the spread of the runs; not kept yet, see `keep_rates`.

    Raises:
        NoItemsError: A request without items.
        RunFailedError: A unit could not be made: its time would mean nothing.
    """
    say("a first run, not measured: kernels and libraries are loaded")
    _run(requests[0])
    readings = []
    for request in requests:
        say(f"measuring {request.area.name} {request.period.text}")
        readings.append(_run(request))
    return rates_from(readings, requests[0])


def rates_from(readings: Sequence[Reading], request: MapRequest) -> ProductRates:
    """Rates of runs: expected over all together, low and high of the runs apart."""
    product, now, machine = request.product, datetime.now(UTC), machine_kind()
    seasons = tuple(dict.fromkeys(one.season for one in readings))
    units = sum(one.used.units for one in readings)
    source = (
        f"measured {now:%Y-%m-%d} on {machine}, {units} units of {', '.join(seasons)}, load {os.getloadavg()[0]:.1f}"
    )
    ratios: dict[str, Callable[[Reading], tuple[float, float]]] = {
        "bytes_a_sample": lambda one: (one.used.bytes_in, one.amounts.samples),
        "cpu_a_sample": lambda one: (one.used.cpu_s * _part(one, "read"), one.amounts.samples),
        "cpu_a_pixel": lambda one: (one.used.cpu_s * (1 - _part(one, "read")), one.amounts.pixels),
        "gpu_a_pixel": lambda one: (one.used.stage_s["compute"] if one.on_gpu else 0.0, one.amounts.pixels),
        "bytes_a_pixel": lambda one: (one.used.bytes_out, one.amounts.pixels),
        "files_a_scene": lambda one: (one.used.files, one.amounts.scenes),
        "busy": lambda one: (one.used.cpu_s, max(one.used.cpu_s, max(one.used.stage_s.values()) * one.cores)),
    }
    rates = {}
    for name, ratio in ratios.items():
        pairs = [ratio(one) for one in readings]
        if sum(below for _, below in pairs) <= 0:
            continue  # nothing to divide by: stays assumed
        whole = sum(above for above, _ in pairs) / sum(below for _, below in pairs)
        if name == "bytes_a_sample" and whole == 0:
            continue  # the system does not count what a process reads
        spread = Spread.of([above / below for above, below in pairs if below > 0], whole)
        rates[name] = Rate.of(spread, "measured", source)
    return ProductRates(
        product=product.name,
        digest=rates_digest(product),
        machine=machine,
        measured=now.isoformat(timespec="seconds"),
        seasons=seasons,
        units=units,
        rates=rates,
    )


def _part(one: Reading, stage: str) -> float:
    whole = sum(one.used.stage_s.values())
    return one.used.stage_s[stage] / whole if whole else 1.0


def _run(request: MapRequest) -> Reading:
    with tempfile.TemporaryDirectory(prefix="swath-calibrate-") as folder:
        plan = make_plan(request, Store.open(Path(folder)))
        result = carry_out(plan, cluster="inline")
        if result.failed or not result.actual:
            first = result.failures[0]["error"]["message"] if result.failures else "no unit was made"
            raise RunFailedError(
                f"{result.failed} of {plan.totals.units} units of {request.period.text} failed: {first}",
                fix="Calibrate over an area and periods whose files can all be read.",
            )
        return reading_of(plan, Used.from_dict(result.actual["used"]), request.period.text)


def reading_of(plan: Plan, used: Used, season: str) -> Reading:
    """A run that made every unit of its plan."""
    return Reading(
        season=season,
        amounts=amounts_of(plan),
        used=used,
        on_gpu="cuda" in plan.facts["backend"],
        cores=len(os.sched_getaffinity(0)),
    )
