"""`swath flows`: flows of Prefect on one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from swath.cli.options import Json
from swath.cli.output import key_values, reported

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Flows and their entrypoints, as a prefect.yaml names them."""
    from swath.flows import FLOWS

    with reported(as_json) as out:
        out.result({"flows": FLOWS}, lambda console: key_values(console, list(FLOWS.items())))


@app.command()
def serve(
    file: Annotated[
        Path | None, typer.Option("--file", help="A prefect.yaml, whose deployments are served by their schedules.")
    ] = None,
    at_once: Annotated[int | None, typer.Option(min=1, help="Most flow runs at a time.")] = None,
    port: Annotated[int, typer.Option(help="Of Prefect's server, where PREFECT_API_URL names none.")] = 4200,
) -> None:
    """Serve all flows for runs by hand and by schedule; begin Prefect's server on loopback where none is named."""
    with reported(False) as out:
        from swath.flows.serve import serve_flows, server

        with server(port=port) as url:
            out.say(f"flows are served; Prefect's page: {url.removesuffix('/api')}")
            serve_flows(file, at_once=at_once)
