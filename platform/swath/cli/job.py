"""What runs on the head node as a Ray job: `python -m swath.cli.job KIND URI [--cluster auto|local|inline]`.

Ray's Jobs API is given this module and not a file of jobs/, so that a cluster needs the package only, as a wheel has
it; the scripts of jobs/ are the same call for people who submit by hand. Jobs that are processes of one machine
(`LocalJobs`) run it with another cluster than the one they would be in.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from swath.cli.app import main as command
from swath.cli.output import Kept, kept
from swath.errors import ClusterError, RequestError, SwathError
from swath.mapping import Plan, RunResult, Stale, carry_out
from swath.runs import StopSignal
from swath.store import Store
from swath.store.carried import fetched
from swath.store.job_spec import CommandSpec, JobEnd, MapSpec, read_spec, versions, write_end

CLUSTERS = ("auto", "local", "inline")
KINDS = ("map", "train", "tune", "assess", "update")
_ON_A_CLUSTER = ("train", "tune", "update")  # their commands take --cluster


def run(kind: str, uri: str, cluster: str = "auto") -> int:
    """Do what the spec at a URI says; how it ended stands beside the spec.

    Args:
        kind: That the spec must be of.
        uri: Of the spec.
        cluster: What it runs on; `auto`: the one that it is in.

    Returns:
        0 all done, 1 some failed, 2 the request was wrong, 130 stopped.
    """
    job = os.environ.get("SWATH_JOB") or "by-hand"
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    text: str | None = None
    try:
        store, spec = read_spec(uri)
        check_versions(spec)
        if spec.kind != kind:
            raise RequestError(f"{uri} is a spec of {spec.kind}, not of {kind}.", fix=f"Use the job {spec.kind}.")
        if isinstance(spec, MapSpec):
            made = _map(store, spec, cluster)
            result, code = made.to_dict(), 130 if made.stopped else int(bool(made.failed))
        else:
            told, code = _command(store, spec, cluster)
            result, text, error = told.result, told.text, told.error
    except SwathError as raised:
        error, code = raised.to_dict(), raised.exit_code
        print(f"{type(raised).__name__}: {raised}", file=sys.stderr, flush=True)
    try:
        write_end(uri, JobEnd(job=job, exit_code=code, result=result or None, text=text, error=error))
    except SwathError as raised:  # the reason that it ended for has been printed; this one must not hide it
        print(f"How it ended was not written: {raised}", file=sys.stderr, flush=True)
        code = code or raised.exit_code
    return code


def check_versions(spec: MapSpec | CommandSpec) -> None:
    """Refuse a spec that another version wrote.

    Raises:
        ClusterError: Swath or Python differ.
    """
    for name, version in versions().items():
        told = getattr(spec, name)
        if told != version:
            raise ClusterError(
                f"The cluster has {name} {version}, and the machine that submitted has {told}.",
                fix="Install the same version here and there: an image of this release of Swath has it.",
            )


def _map(store: Store, spec: MapSpec, cluster: str) -> RunResult:
    with StopSignal() as asked:
        return carry_out(
            Plan.open(store, spec.root, spec.run),
            cluster=cluster,
            workers=spec.workers,
            stale=None if spec.stale is None else Stale(spec.stale),
            complete=spec.complete,
            display="plain",
            should_stop=asked,
            say=lambda text: print(text, flush=True),
        )


def _command(store: Store, spec: CommandSpec, cluster: str) -> tuple[Kept, int]:
    """What a command of `swath` came to; what it prints on its way is the log of the job."""
    where = ["--cluster", cluster] if spec.kind in _ON_A_CLUSTER else []
    with kept() as told:
        code = command([spec.kind, *fetched(store, spec.arguments), *where])
    if code and told.error is None and told.result is None:
        raise RequestError(
            f"swath {spec.kind} ended with {code} and says nothing more.", fix="See the log of the job.", code=code
        )
    return told, code


def main(arguments: Sequence[str] | None = None) -> int:
    """`KIND URI [--cluster CLUSTER]`, as a process."""
    told = list(sys.argv[1:] if arguments is None else arguments)
    cluster = CLUSTERS[0]
    if len(told) == 4 and told[2] == "--cluster":
        told, cluster = told[:2], told[3]
    if len(told) != 2 or told[0] not in KINDS or cluster not in CLUSTERS:
        print(f"usage: python -m swath.cli.job {'|'.join(KINDS)} URI [--cluster {'|'.join(CLUSTERS)}]", file=sys.stderr)
        return 2
    return run(told[0], told[1], cluster)


if __name__ == "__main__":
    sys.exit(main())
