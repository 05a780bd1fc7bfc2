"""A plan with its price, kept beside run.json; limits; and what the run used beside it.

`bill.json` stands in the run's folder: `plan`, `limits`, `actual`. Prices change and the same request stays the same
run, so nothing of it is in run.json or in a key.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from swath.cube.gdal import is_remote
from swath.errors import LimitError
from swath.mapping.amounts import Amounts, amounts_of
from swath.mapping.assumed import rates_of
from swath.mapping.bill import Bill, Use, wall_s
from swath.mapping.meter import Used
from swath.mapping.plan import Plan
from swath.planning.priced import Carbon, Prices
from swath.planning.rates import Rate, find_rates
from swath.planning.spread import Spread
from swath.store import names
from swath.store.base import MissingKeyError

FILE = "bill.json"


@dataclass(frozen=True)
class Limits:
    """What may be spent.

    Attributes:
        cost: Money in the currency of the prices, a year of storage included.
        carbon: gCO2e in their region.
    """

    cost: float | None = None
    carbon: float | None = None

    def __bool__(self) -> bool:
        return self.cost is not None or self.carbon is not None

    def passed(self, bill: Bill) -> list[tuple[str, float, float, str]]:
        """(option, limit, expected, unit) of each that a bill passes."""
        told = [
            ("--max-cost", self.cost, bill.total.expected, bill.currency),
            ("--max-carbon", self.carbon, bill.grams.expected, "gCO2e"),
        ]
        return [(name, limit, value, unit) for name, limit, value, unit in told if limit is not None and value > limit]


@dataclass(frozen=True)
class Priced:
    """A plan with what it takes, priced where prices were given.

    Attributes:
        amounts: What is asked for.
        rates: By name; each says where it comes from.
        prices: Of machines and requests; None when nobody gave some: then there is no money and no energy.
        carbon: Power and grids.
        workers: That the time is said for.
        cores: Of each.
    """

    amounts: Amounts
    rates: Mapping[str, Rate]
    prices: Prices | None
    carbon: Carbon | None
    workers: int
    cores: int

    @property
    def busy(self) -> float:
        """Share of the cores' time that is used."""
        return self.rates["busy"].expected

    def use(self, share: float = 1.0) -> Use:
        """Of all units, or of a share of them."""
        return Use.planned(self.amounts if share == 1 else self.amounts.share(share), self.rates)

    def bill(self, use: Use | None = None, *, kwh: float | None = None) -> Bill | None:
        """Of a use, by default the plan's; None without prices."""
        if self.prices is None or self.carbon is None:
            return None
        return Bill.of(use or self.use(), self.prices, self.carbon, busy=self.busy, kwh=kwh)

    def bill_used(self, used: Used, *, kwh: float | None = None) -> Bill | None:
        """Of what a run has used."""
        on_gpu = self.rates["gpu_a_pixel"].expected > 0
        gets = self.rates["gets_a_file"].expected
        use = used.use(layers=self.amounts.layers, gets_a_file=gets, busy=self.busy, on_gpu=on_gpu)
        return self.bill(use, kwh=kwh)

    @property
    def wall(self) -> Spread:
        """Seconds with these workers."""
        return wall_s(self.use(), self.amounts, self.workers, self.cores)

    def check(self, limits: Limits) -> None:
        """Refuse a plan that is expected to pass a limit.

        Raises:
            LimitError: It is; says what would fit. Also for limits without prices.
        """
        if not limits:
            return
        bill = self.bill()
        if bill is None:
            raise LimitError("A limit was given, and no prices to hold against it.", fix="Give --prices.")
        for name, limit, expected, unit in limits.passed(bill):
            fits = int(self.amounts.units * limit / expected)
            raise LimitError(
                f"The plan is expected to take {expected:,.4g} {unit}, and {name} is {limit:,.4g}.",
                fix=f"About {fits:,} of its {self.amounts.units:,} units fit: take a smaller area, a shorter period or "
                f"longer steps, or raise {name}.",
                limit=limit,
                expected=expected,
                units_that_fit=fits,
            )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        bill, use = self.bill(), self.use()
        values: dict[str, Any] = {
            "amounts": self.amounts.to_dict(),
            "workers": self.workers,
            "cores": self.cores,
            "wall_s": self.wall.to_dict(),
            "use": {name: getattr(use, name).to_dict() for name in use.__dataclass_fields__},
            "rates": {name: rate.model_dump(mode="json") for name, rate in self.rates.items()},
            "prices": None if self.prices is None else self.prices.model_dump(mode="json"),
            "carbon": None if self.carbon is None else self.carbon.model_dump(mode="json"),
        }
        return values | ({} if bill is None else bill.to_dict())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Priced:
        """What `to_dict` gave."""
        return cls(
            amounts=Amounts(**{name: value for name, value in values["amounts"].items() if name != "no_data"}),
            rates={name: Rate.model_validate(rate) for name, rate in values["rates"].items()},
            prices=None if values["prices"] is None else Prices.model_validate(values["prices"]),
            carbon=None if values["carbon"] is None else Carbon.model_validate(values["carbon"]),
            workers=values["workers"],
            cores=values["cores"],
        )


def price(
    plan: Plan,
    *,
    prices: Prices | None = None,
    carbon: Carbon | None = None,
    workers: int = 1,
    cores: int | None = None,
) -> Priced:
    """Price a plan by measured rates where there are some, and keep the bill beside the plan.

    Args:
        plan: Stands in its store.
        prices: None for no money and no energy.
        carbon: The table that ships with Swath unless given.
        workers: For the time.
        cores: Of each worker; those of this machine unless given.

    Raises:
        PriceError: GPUs or a region that the tables lack, or a rates file with faults.
    """
    priced = Priced(
        amounts=amounts_of(plan),
        rates=rates_of(plan, find_rates(plan.product)),
        prices=prices,
        carbon=(carbon or Carbon.load()) if prices is not None else None,
        workers=workers,
        cores=cores or len(os.sched_getaffinity(0)),
    )
    keep_bill(plan, {**read_bill(plan), "plan": priced.to_dict()})
    return priced


def price_asked(
    plan: Plan,
    *,
    prices: str | None,
    carbon: str | None,
    workers: int | None,
    limits: Limits,
) -> Priced:
    """Price a plan as the options say; what was said before stands where they say nothing.

    Raises:
        PriceError: A table with faults.
        LimitError: The plan is expected to pass a limit.
    """
    told = read_bill(plan).get("plan")
    before = None if told is None else Priced.from_dict(told)
    kept_prices = None if before is None else before.prices
    kept_carbon = None if before is None else before.carbon
    priced = price(
        plan,
        prices=Prices.load(prices) if prices is not None else kept_prices,
        carbon=Carbon.load(carbon) if carbon is not None else kept_carbon,
        workers=workers or 1,
    )
    if limits:
        keep_limits(plan, limits)
    priced.check(limits)
    return priced


def kept_price(plan: Plan) -> Priced:
    """The price that was said when the plan was made; without one, by the rates of today and no money."""
    told = read_bill(plan).get("plan")
    return price(plan) if told is None else Priced.from_dict(told)


def read_bill(plan: Plan) -> dict[str, Any]:
    """Content of bill.json: `plan`, and `actual` once a run has used something; empty without one."""
    try:
        content: dict[str, Any] = json.loads(plan.store.read_bytes(_key(plan)))
    except MissingKeyError:
        return {}
    return content


def keep_limits(plan: Plan, limits: Limits) -> None:
    """Write limits beside the plan: whoever carries it out, wherever, holds them until others are given."""
    keep_bill(plan, {**read_bill(plan), "limits": asdict(limits)})


def kept_limits(plan: Plan) -> Limits:
    """Those that were given last."""
    return Limits(**read_bill(plan).get("limits", {}))


def keep_bill(plan: Plan, content: Mapping[str, Any]) -> None:
    """Write bill.json."""
    plan.store.put_bytes(_key(plan), json.dumps(content, indent=1).encode())


def reads_network(plan: Plan) -> bool:
    """Whether the first of the plan's scenes is read over the network."""
    for scene in plan.items().scenes([0]):
        return any(is_remote(str(asset.href)) for asset in scene.assets.values())
    return False


def _key(plan: Plan) -> str:
    return names.run_file(plan.root, plan.run, FILE)
