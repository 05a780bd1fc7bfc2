"""What a plan costs, and what a run used beside it, for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from swath.cli.output import key_values
from swath.mapping import Priced
from swath.planning.rates import RATES
from swath.planning.spread import Spread

PricesOption = Annotated[
    str | None,
    typer.Option("--prices", help="Prices: a YAML file, or one that ships with Swath, as aws-us-west-2-2026-11."),
]
CarbonOption = Annotated[
    str | None,
    typer.Option("--carbon", help="Power of machines and carbon of grids: a YAML file; by default that of Swath."),
]
MaxCost = Annotated[
    float | None,
    typer.Option("--max-cost", min=0, help="Refuse what is expected to cost more, with a year of storage; and stop."),
]
MaxCarbon = Annotated[
    float | None, typer.Option("--max-carbon", min=0, help="Refuse what is expected to emit more gCO2e; and stop.")
]


def show_priced(console: Console, priced: Priced) -> None:
    """The bill of a plan as a table, and where its rates come from."""
    amounts, use, bill = priced.amounts, priced.use(), priced.bill()
    rows: list[tuple[str, Spread, float, str]] = [
        ("read", use.bytes_in, 1e9, "GB"),
        ("written", use.bytes_out, 1e9, "GB"),
        ("requests that read", use.gets, 1e3, "thousand"),
        ("requests that write", use.puts, 1e3, "thousand"),
        ("cores", use.core_hours, 1.0, "core hours"),
    ]
    if use.gpu_hours.high:
        rows.append(("GPUs", use.gpu_hours, 1.0, "GPU hours"))
    workers = f"{priced.workers} worker{'' if priced.workers == 1 else 's'} of {priced.cores} cores"
    rows.append((f"time of {workers}", priced.wall, 3600.0, "h"))
    if bill is not None:
        rows += [(_MONEY[name], spread, 1.0, bill.currency) for name, spread in bill.money.items()]
        rows.append(("all of it", bill.total, 1.0, bill.currency))
        rows.append((f"energy ({bill.kwh_basis})", bill.kwh, 1.0, "kWh"))
        assert priced.prices is not None
        rows.append((f"emitted in {priced.prices.region}", bill.grams, 1.0, "gCO2e"))
    table = Table("", "low", "expected", "high", "", box=None, padding=(0, 2), header_style="dim")
    for name, spread, unit, word in rows:
        numbers = [f"{value / unit:,.4g}" for value in (spread.low, spread.expected, spread.high)]
        table.add_row(f"[dim]{name}[/]", *numbers, word)
    console.print(table)
    console.print(f"no data: {amounts.no_data:.1%} of {amounts.units + amounts.empty:,} units", style="dim")
    by_source: dict[str, list[str]] = {}
    for name, rate in priced.rates.items():
        by_source.setdefault(rate.source, []).append(RATES[name].partition(":")[0])
    for source, of in by_source.items():
        console.print(f"{source}: {'; '.join(of)}", style="dim", markup=False)
    for table_ in (priced.prices, priced.carbon):
        if table_ is not None:
            console.print(f"{table_.name}, {table_.date}: {table_.note}", style="dim", markup=False)


_MONEY = {
    "compute": "machines",
    "requests": "requests",
    "transfer": "transfer",
    "storage": "storage, a year",
}


def show_actual(console: Console, actual: Mapping[str, Any]) -> None:
    """What a run used beside what was planned for as many units."""
    if not actual or not actual["used"]["units"]:
        return
    words = {
        "bytes_in": ("read", 1e9, "GB"),
        "bytes_out": ("written", 1e9, "GB"),
        "cpu_s": ("CPU", 3600.0, "core hours"),
    }
    told = []
    for name, row in actual["beside_plan"].items():
        word, unit, of = words[name]
        ratio = f", {row['ratio']:.2f} of what was planned" if row["ratio"] is not None else ""
        told.append((word, f"{row['actual'] / unit:,.4g} {of}{ratio}"))
    bill = actual["bill"]
    if bill is not None:
        told.append(("cost", f"{bill['money']['total']['expected']:,.4g} {bill['currency']}"))
        energy = f"{bill['kwh']['expected']:,.4g} kWh {bill['kwh_basis']}, {bill['grams_co2e']['expected']:,.4g} gCO2e"
        told.append(("energy", energy))
    console.print(f"used by {actual['used']['units']:,} units", style="dim")
    key_values(console, told)
