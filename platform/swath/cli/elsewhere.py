"""Commands that run as a job elsewhere: their arguments as the job sees them, their log, and how they ended."""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from swath.cli.output import Output
from swath.cluster import Job, Where, command_on, elsewhere, error_of, submit_spec
from swath.mapping import check_can_be_left
from swath.runs import StopSignal
from swath.store import Store
from swath.store.carried import as_seen
from swath.store.job_spec import Command, CommandSpec

# of where a command computes and how it says what it does: the job is told that in its own way
_OURS = frozenset({"cluster", "cluster_spec", "cluster_overrides", "deadline", "detach", "as_json", "context"})
_FORMS = frozenset({"product", "recipe", "peer", "space"})  # names of what ships, or YAML files
_FILES = frozenset({"labels", "area", "source", "reference", "regions", "tracks", "matrix", "areas"})
Show = Callable[[Console, dict[str, Any]], None]


def run_elsewhere(
    out: Output,
    context: typer.Context,
    kind: Command,
    where: Where,
    store: Store,
    *,
    stores: Collection[str],
    show: Show | None = None,
    detach: bool = False,
) -> None:
    """Do this command as a job, and say how it ended as if it had run here.

    Args:
        out: Where it is said.
        context: Of the command that was given.
        kind: Its name.
        where: An address of a Jobs API, or `kuberay`.
        store: Takes the spec; the job writes into it.
        stores: Parameters that name a store: what is written may not be there yet.
        show: Shows the command's document to a person; by default as the job would have shown it.
        detach: Leave the job to itself.

    Raises:
        SwathError: What the job raised, or why there is none.
    """
    where.check_store(store)
    if detach:
        check_can_be_left(where)
    spec = CommandSpec(kind=kind, arguments=tuple(arguments_of(context, store, stores)))
    if detach:
        with elsewhere(where, "") as there:
            job, uri = submit_spec(store, spec, there.jobs)
        told = {"job": job.id, "status": job.status, "cluster": where.name, "spec": uri}
        ends = f"{uri.removesuffix('.json')}/{job.id}.json"
        out.result(
            told, lambda console: console.print(f"The job {job.id} goes on; it will end in {ends}", markup=False)
        )
        return
    jobs: list[Job] = []

    def on_job(job: Job, uri: str) -> None:
        jobs.append(job)
        out.say(f"{'found' if job.adopted else 'submitted'} the job {job.id}")

    with StopSignal() as asked:
        end = command_on(
            store, spec, where, on_job=on_job, on_log=None if out.json else log_to(out), should_stop=asked, say=out.say
        )
    document = end.result
    if document is not None:
        text = end.text or ""
        out.result(
            document,
            lambda console: show(console, document) if show else console.print(text, markup=False, end=""),
        )
    if end.error is not None:
        raise error_of(end.error, jobs[0].id)
    if end.exit_code:
        raise SystemExit(end.exit_code)


def log_to(out: Output) -> Callable[[str], None]:
    """Prints what a job prints as it comes."""
    return lambda text: out.errors.print(text, markup=False, style="dim", end="")


def arguments_of(context: typer.Context, store: Store, stores: Collection[str]) -> list[str]:
    """What follows the name of the command that was given, as a job with this store sees it.

    Only what was given: what stood at its default stays at that of the job.
    """
    found = []
    for parameter in context.command.params:
        name = str(parameter.name)
        source = context.get_parameter_source(name)
        if name in _OURS or source is None or source.name != "COMMANDLINE":
            continue
        value = context.params[name]
        if parameter.param_type_name == "argument":
            found.append(_seen(name, value, store, stores))
        elif value is True or value is False:
            found.append(parameter.opts[0] if value else parameter.secondary_opts[0])
        else:
            for one in value if isinstance(value, (list, tuple)) else [value]:
                found += [parameter.opts[0], _seen(name, one, store, stores)]
    return found


def _seen(name: str, value: Any, store: Store, stores: Collection[str]) -> str:
    text = str(value.value if isinstance(value, Enum) else value)
    if name in stores:
        return Store.open(text).root
    if name not in _FILES and not (name in _FORMS and Path(text).suffix in (".yaml", ".yml")):
        return text
    return as_seen(store, text, alone=name != "source")
