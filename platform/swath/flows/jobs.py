"""The job of a flow run: found or submitted, shown, waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from prefect.logging import get_run_logger

from swath.cluster import Job, Where, command_on, error_of
from swath.cluster.commands import run_of
from swath.cluster.where import HERE, KUBERAY
from swath.flows.board import show_job
from swath.flows.watch import Log, Watch
from swath.mapping import Plan, RunResult, Stale
from swath.mapping.anywhere import map_on
from swath.store import Store
from swath.store.carried import as_seen
from swath.store.job_spec import Command, CommandSpec


def make(plan: Plan, where: Where, *, workers: int | None, stale: Stale | None) -> RunResult:
    """Carry a plan out as a job, and wait for it.

    Raises:
        SwathError: What the job raised.
        ClusterError: It ended without a result, or its cluster did not become ready.
    """
    log = get_run_logger()
    _show_cluster(where, plan.run)
    with Watch(log, plan):
        return map_on(
            plan, where.as_job(), workers=workers, stale=stale, on_job=_shown(where, plan.run), on_log=_lines(log),
            say=log.info,
        )  # fmt: skip


def command(kind: Command, arguments: Sequence[str], store: str, where: Where) -> dict[str, Any]:
    """Do what a command of `swath` does as a job, and wait for it.

    Args:
        kind: The command.
        arguments: What follows it, without `--cluster` and `--json`.
        store: Takes the spec and how it ended.
        where: Where it runs; files of this machine go along where it does not see them.

    Returns:
        The command's document.

    Raises:
        SwathError: What the command raised.
        ClusterError: The job ended without saying how.
    """
    log, opened = get_run_logger(), Store.open(store)
    seen = arguments if where.name in HERE else arguments_seen(kind, opened, arguments)
    spec = CommandSpec(kind=kind, arguments=tuple(seen))
    run = run_of(opened, spec)
    _show_cluster(where, run)
    end = command_on(opened, spec, where.as_job(), on_job=_shown(where, run), on_log=_lines(log), say=log.info)
    if end.error is not None:
        raise error_of(end.error, end.job)
    return end.result or {}


_FILES = frozenset({"--labels", "--area", "--source", "--reference", "--regions", "--tracks", "--matrix", "--areas"})
_FORMS = frozenset({"", "--recipe", "--peer", "--space"})  # names of what ships, or YAML files; the first: the product
_STORES = frozenset({"--out", "--chips"})


def arguments_seen(kind: Command, store: Store, arguments: Sequence[str]) -> list[str]:
    """Arguments as a machine sees them that has only the store: as the command line sends them.

    Raises:
        RequestError: What lies on this machine and cannot be sent along.
    """
    stores = _STORES | ({""} if kind == "assess" else set())  # which comes before its options

    def seen(option: str, text: str) -> str:
        if option in stores:
            return Store.open(text).root
        if option in _FILES or (option in _FORMS and Path(text).suffix in (".yaml", ".yml")):
            return as_seen(store, text, alone=option != "--source")
        return text

    return [seen(option, text) for option, text in zip(["", *arguments], arguments, strict=False)]


def _show_cluster(where: Where, run: str) -> None:
    """That a cluster will be made: whoever cancels while it starts, before there is a job, finds it by this."""
    if where.name == KUBERAY:
        show_job("", where.name, "", run)


def _shown(where: Where, run: str) -> Callable[[Job, str], None]:
    return lambda job, uri: show_job(job.id, where.name, uri, run)


def _lines(log: Log) -> Callable[[str], None]:
    def passed(text: str) -> None:
        for line in text.splitlines():
            if line.strip():
                log.info(line)

    return passed
