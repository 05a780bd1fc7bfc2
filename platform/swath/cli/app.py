"""The command line's table of contents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

import swath
from swath.cli import (
    assess,
    audit,
    calibrate,
    chips,
    clusters,
    collections,
    compare,
    demos,
    doctor,
    flows,
    maps,
    models,
    products,
    registry,
    report,
    simulate,
    train,
    tune,
    update,
)

app = typer.Typer(
    name="swath",
    help="Satellite archives into maps that can be trusted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
maps.register(app)
update.register(app)
calibrate.register(app)
chips.register(app)
train.register(app)
tune.register(app)
app.add_typer(
    products.app, name="product", help="What can be mapped: list, show, check, template.", rich_help_panel="Products"
)
collections.register(app)
registry.register(models.app)
app.add_typer(
    models.app,
    name="models",
    help="Models: show, import, template; the registry: list, register, promote, export, verify.",
    rich_help_panel="Models",
)
assess.register(app)
audit.register(app)
compare.register(app)
report.register(app)
app.add_typer(flows.app, name="flows", help="Flows of Prefect on this machine: list, serve.", rich_help_panel="Maps")
demos.register(app)
simulate.register(app)
app.add_typer(
    clusters.app, name="clusters", help="Clusters on Kubernetes: template, check, sweep.", rich_help_panel="Clusters"
)
doctor.register(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(swath.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Without the program's name; those of the process by default.

    Returns:
        0 all done, 1 some failed, 2 the request was wrong, 130 stopped, 141 nobody reads on.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="swath", standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
