"""Carry a plan out: what is not done yet goes to the workers, the books are kept, the map is published."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from swath.cluster import connect
from swath.errors import RequestError
from swath.mapping.billing import Limits, read_bill
from swath.mapping.books import Books
from swath.mapping.history import later_units
from swath.mapping.plan import Plan
from swath.mapping.publish import publish
from swath.mapping.spending import Spending
from swath.mapping.stale import stale_units
from swath.mapping.units import Unit
from swath.mapping.work import MapWork
from swath.planning.inputs import Said
from swath.runs import Display, Event, Executor, InlineExecutor, RayExecutor, Tally, execute
from swath.runs.budget import available_memory
from swath.runs.progress import Mode
from swath.settings import settings
from swath.store import Failures, Lease, ProgressWriter, done_units, names

LISTED = 100  # failures that a result carries; all of them stand in the store
# Memory for the dates of the windows that are read and reduced at one time. Where a row of source blocks does not fit
# twice, blocks are decoded more than once: 48 dates of seven bands, tiles of 1536 px, blocks of 1024 px take 57 s of
# CPU in 512 MB, 42 s in 1 GB, 41 s in 2 GB, 38 s in 4 GB.
LEAST_STRIP, MOST_STRIP = 512 * 2**20, 2 * 2**30
MOST_THREADS = 4  # of one worker: decoding scales no further behind one lock of GDAL's block cache


class Stale(StrEnum):
    """What to do with units that older code made of the same inputs."""

    KEEP = "keep"
    REDO = "redo"


@dataclass
class RunResult:
    """How a run ended.

    Attributes:
        run: Id of the run.
        store: URL of the store.
        collection: URL of the map's STAC collection, empty if nothing is published.
        done: Units made by this call.
        found: Units that stood already.
        failed: Units that could not be made.
        without_input: Units for which there are no items.
        stopped: Why it ended before its time; empty if it did not.
        seconds: It took.
        failures: The first hundred failure records.
        failed_folder: Where all of them stand.
        skipped: Files that could not be read and were left out as the product allows, with the number of units.
        incomplete: Units of the map that were made without some of their files, by whichever call; `swath retry` makes
            them again.
        mostly_masked_pixels: Pixels that were masked on more than 90 % of their dates (of at least ten), in units made
            by this call: bright sand and roofs look like cloud.
        conflicts: What items say against their files, which win: href, item, item_epsg, file_crs.
        actual: What the run has used, all its drivers together, beside what was planned for as many units.
    """

    run: str
    store: str
    collection: str = ""
    done: int = 0
    found: int = 0
    failed: int = 0
    without_input: int = 0
    stopped: str = ""
    seconds: float = 0.0
    failures: list[dict[str, Any]] = field(default_factory=list)
    failed_folder: str = ""
    skipped: dict[str, int] = field(default_factory=dict)
    incomplete: int = 0
    mostly_masked_pixels: int = 0
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    actual: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        values = asdict(self)
        units = {name: values.pop(name) for name in ("done", "found", "failed", "without_input")}
        return {"run": values.pop("run"), "units": units, **values}


def carry_out(
    plan: Plan,
    *,
    cluster: str = "local",
    workers: int | None = None,
    stale: Stale | None = None,
    complete: bool = False,
    limits: Limits | None = None,
    display: Mode = "none",
    should_stop: Callable[[], bool] = lambda: False,
    say: Said = lambda _: None,
) -> RunResult:
    """Make every unit of a plan that is not made yet, and publish the map.

    Args:
        plan: What to make.
        cluster: `inline`, `local` or `auto`.
        workers: Most workers; by default what the cluster's cores allow.
        stale: Units that older code made of the same inputs: kept, made again, or (None) a refusal that counts them.
        complete: Make units again that were made without some of their files.
        limits: Of money and emissions, by the prices that the plan was priced with; the run stops before it passes one.
            By default those that were kept beside the plan.
        display: How progress is shown.
        should_stop: Asked often; once true no new unit is begun.
        say: Told what is being done, a line a stage.

    Raises:
        StoreError: The store cannot be written.
        StoreBusyError: Another living driver works in this folder of the store.
        LimitError: All of the plan is expected to pass a limit; nothing was begun.
        RequestError: There are units of older code, and `stale` does not say what to do with them.
        StoreFullError: The store has no space left; what is made stays, and the same call goes on.
    """
    started = time.monotonic()
    store, root, run = plan.store, plan.root, plan.run
    result = RunResult(run=run, store=store.root, failed_folder=store.url(names.failed_folder(root, run)))
    store.check_writable()
    spending = Spending(plan, limits)
    with Lease(store, f"{root}/lease.json") as lease:
        if complete:
            _uncommit_incomplete(plan)
        done = done_units(store, root, {unit.step for unit in plan.units(items=False)})
        later = later_units(plan, done)
        kept = settle_stale(plan, done, stale, say, later=later)
        result.without_input = plan.totals.without_input
        result.found = sum(_stands(unit, done, kept) for unit in plan.units(items=False))
        tally = Tally(plan.totals.units, before=result.found)
        books = Books(plan, tally)
        books.supersede(later)
        books.settle(unit.id for unit in plan.units(items=False) if _stands(unit, done, kept))

        def pending() -> Iterator[Unit]:
            for unit in plan.units():
                if unit.scenes and not _stands(unit, done, kept):
                    yield unit

        def told(event: Event) -> None:
            shown(event)
            books(event)
            spending(event)

        with ProgressWriter(store, root, run, books.snapshot), Display(tally, mode=display) as shown:
            if result.found < plan.totals.units:
                if cluster == "local":
                    say("starting Ray on this machine")
                with connect(cluster) as joined, spending.measured(here=cluster in ("inline", "local")):
                    nodes = [node for node in joined.nodes if node.cpus >= 1]  # a head that only drives has none
                    work, executor = workers_for(
                        plan,
                        joined.on_ray,
                        [node.cpus for node in nodes],
                        workers,
                        memory=[node.memory for node in nodes],
                        gpus=[node.gpus for node in nodes] if "cuda" in plan.facts["backend"] else (),
                    )
                    summary = execute(
                        pending(),
                        work,
                        executor=executor,
                        on_event=told,
                        should_stop=lambda: should_stop() or lease.lost or spending.about_to_pass(),
                    )
                result.done, result.stopped = summary.done, summary.stopped and (spending.reason or summary.stopped)
                result.actual = spending.close()
                if lease.lost:
                    result.stopped = "another driver took the lease over"
            else:
                summary = None
                result.actual = read_bill(plan).get("actual", {})
            result.failed = len(books.failures.units())
            books.close("stopped" if result.stopped else "failed" if result.failed else "done", result.stopped)
        if summary is not None and (error := summary.stop_error()) is not None:
            raise error
        result.failures = [record for record, _ in zip(books.failures, range(LISTED), strict=False)]
        result.skipped = dict(books.skipped)
        result.incomplete = len(books.incomplete.units())
        result.mostly_masked_pixels = books.mostly_masked
        result.conflicts = [books.conflicts[href] for href in sorted(books.conflicts)]
        if not lease.lost:
            result.collection = publish(plan, kept, say=say)
    result.seconds = time.monotonic() - started
    return result


def _uncommit_incomplete(plan: Plan) -> None:
    """Delete the items of units that were made without some of their files: they count as not made."""
    incomplete = set(Failures(plan.store, plan.root, plan.run, "skipped").units())
    if incomplete:
        plan.store.delete(
            names.item_key(plan.root, unit.step, unit.tile, unit.key)
            for unit in plan.units(items=False)
            if unit.id in incomplete
        )


def workers_for(
    plan: Plan,
    on_ray: bool,
    cpus: list[float],
    workers: int | None,
    *,
    memory: Sequence[int] = (),
    gpus: Sequence[float] = (),
) -> tuple[MapWork, Executor]:
    """The work and who does it: on Ray as many actors as fit, each with as many threads as it has cores.

    Args:
        plan: What to do.
        on_ray: In actors; else in this process.
        cpus: Of each node.
        workers: Most workers.
        memory: Bytes of each node.
        gpus: Of each node, where the plan maps on GPUs: then nodes without one have no worker, and the workers of a
            node share its GPUs.
    """
    if not on_ray:
        return plan_work(plan, len(os.sched_getaffinity(0)), available_memory()), InlineExecutor()
    each = max(1, int(min([MOST_THREADS, *cpus])))
    if workers is not None and cpus:
        # more workers than fit with that many cores: each gets fewer
        each = max(1, min(each, int(sum(cpus)) // workers))
    shares = [size / max(1.0, cores // each) for size, cores in zip(memory, cpus, strict=False)]
    share = _share_of_gpus(gpus, cpus, each)
    return plan_work(plan, each, min(shares, default=0)), RayExecutor(cpus=each, gpus=share, most=workers)


def _share_of_gpus(gpus: Sequence[float], cpus: Sequence[float], each: int) -> float:
    """GPUs of a worker of so many cores: whole ones, or such a part that all workers of a node have one to share."""
    if not gpus:
        return 0
    shares = [has / max(1, cores // each) for has, cores in zip(gpus, cpus, strict=True) if has]
    least = min(shares, default=1.0)
    # Ray keeps parts of 1/10000: rounded down, so that the last worker of a node fits
    return float(int(least)) if least >= 1 else int(least * 10_000) / 10_000


def plan_work(plan: Plan, threads: int, memory: float = 0) -> MapWork:
    """The work of a plan for workers of so many threads and bytes of memory."""
    # a quarter of what the three units in flight of a worker may hold: the first is read, the others wait with layers
    strip = int(memory * settings().memory_fraction / 4)
    strip = min(MOST_STRIP, max(LEAST_STRIP, strip))
    return MapWork(plan.store.root, plan.root, plan.run, threads=threads, strip_bytes=strip)


def _stands(unit: Unit, done: Mapping[tuple[str, str], set[str]], kept: Mapping[str, str]) -> bool:
    return unit.scenes > 0 and (unit.key in done.get((unit.step, unit.tile), ()) or unit.id in kept)


def settle_stale(
    plan: Plan,
    done: Mapping[tuple[str, str], set[str]],
    stale: Stale | None,
    say: Said,
    *,
    later: dict[str, str] | None = None,
) -> dict[str, str]:
    """Units that are not made again though they stand under another key: id to key.

    Those that a later update has made stay as that made them, see `later_units` (`later`, where that has been asked);
    those of older code, as `stale` says.

    Raises:
        RequestError: There are some of older code, and `stale` is None.
    """
    later = later_units(plan, done) if later is None else later
    if count := sum(unit.id in later for unit in plan.units(items=False)) if later else 0:
        say(f"{count} units stay as a later update made them")
    if stale is Stale.REDO:
        return later
    found = stale_units(plan, done, but=later)
    if not found:
        return later
    if stale is None:
        raise RequestError(
            f"{len(found)} units of {plan.store.url(plan.root)} were made by older code of the same inputs.",
            fix="Say --stale keep to leave them, or --stale redo to make them again.",
            units=sorted(found)[:LISTED],
        )
    say(f"{len(found)} units of older code are kept")
    return later | found
