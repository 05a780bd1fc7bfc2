"""Cut chips: labels and images of a request to a folder of training samples, by the runner that maps."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from swath.cluster import connect
from swath.errors import LabelError, RunStoppedError
from swath.planning import MapRequest, Said
from swath.runs import Display, Event, Executor, Failed, InlineExecutor, RayExecutor, Tally, available_memory, execute
from swath.runs.progress import Mode
from swath.settings import settings as environment
from swath.store import Store
from swath.training.chip_index import chip_rows, publish_index
from swath.training.chip_plan import AnyLabels, ChipPlan, ChipSettings, check_request, make_chip_plan
from swath.training.chip_units import ChipUnit
from swath.training.chip_work import ChipWork
from swath.training.chipset import FACTS, ChipSet
from swath.training.dropped import Dropped
from swath.training.label_rasters import CodeLabels
from swath.training.shards import Shard, shard_key

LISTED = 100  # failures that a result carries
MOST_THREADS = 4  # of one worker, as in mapping
LEAST_STRIP, MOST_STRIP = 512 * 2**20, 2 * 2**30


@dataclass
class ChipsResult:
    """How cutting chips ended.

    Attributes:
        folder: URL of the chips.
        chips: How many there are.
        done: Units made by this call.
        found: Units that stood already.
        failed: Units that could not be made.
        failures: The first hundred: unit and error, with hrefs in `reads`.
        classes: Labelled pixels by class, or of the value.
        dropped: What was left out or changed, by reason.
        agreement: Labels were made by an algorithm: scores against them tell agreement, not accuracy.
        seconds: It took.
    """

    folder: str
    chips: int = 0
    done: int = 0
    found: int = 0
    failed: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)
    classes: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    agreement: bool = False
    seconds: float = 0.0

    @property
    def hrefs(self) -> list[str]:
        """Files that could not be read."""
        reads = [read for failure in self.failures for read in failure["error"].get("reads", [])]
        return sorted({str(read["href"]) for read in reads})

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "hrefs": self.hrefs}


def cut_chips(
    request: MapRequest,
    labels: AnyLabels,
    out: str | Path | Store,
    *,
    settings: ChipSettings | None = None,
    keep_streamed: bool = True,
    cluster: str = "local",
    workers: int | None = None,
    display: Mode = "none",
    should_stop: Callable[[], bool] = lambda: False,
    say: Said = lambda _: None,
) -> ChipsResult:
    """Cut the chips of a request at labels; the same call goes on where an earlier one was stopped.

    Args:
        request: Product (its cube and grid), area, period, source.
        labels: As `read_labels`, `raster_labels` or `band_labels` give them.
        out: Local folder or s3:// prefix that all workers reach.
        settings: Size, dates, split.
        keep_streamed: Leave chips as they are that `stream_chips` indexed there; False: write them.
        cluster: `inline`, `local` or `auto`.
        workers: Most workers.
        display: How progress is shown.
        should_stop: Asked often; once true no new unit is begun.
        say: Told what is being done, a line a stage.

    Returns:
        Counts; units that failed are listed and their chips are missing.

    Raises:
        LabelError: No chip at all, a fold without a class, or labels that cannot be split.
        StoreMismatchError: The folder holds other chips.
        StoreFullError: No space; what is made stays.
        RunStoppedError: It was stopped; the same call goes on.
        NoItemsError, ProductError, SourceError: As in mapping.
    """
    settings = settings or ChipSettings()
    check_request(labels, request, settings)
    store = out if isinstance(out, Store) else Store.open(out)
    plan = make_chip_plan(request, labels, store, settings, say=say)
    if keep_streamed and store.exists(FACTS) and (chips := ChipSet.open(store)).is_streamed:
        say("the chips of this folder are streamed from their cubes")
        return streamed_result(chips)
    units = list(plan.units())
    result = ChipsResult(store.root, agreement=isinstance(labels, CodeLabels) and labels.band)
    stands = {key for key, _ in store.list("shards")}
    todo = [unit for unit in units if shard_key(unit.id) not in stands]
    result.found = len(units) - len(todo)
    if todo:
        store.delete(FACTS)
        say(f"cutting chips of {len(todo)} units")
        with connect(cluster) as joined:
            work, executor = _workers(store, joined.on_ray, joined.nodes, workers)
            _carry_out(result, todo, work, executor, display, should_stop)
    _publish(plan, settings.split.held, [unit for unit in units if store.exists(shard_key(unit.id))], labels, result)
    return result


def streamed_result(chips: ChipSet) -> ChipsResult:
    """What there is to say of chips that are not written."""
    counts = chips.labelled.sum(axis=(0, 1)).tolist()
    return ChipsResult(
        chips.store.root, chips=len(chips), dropped=dict(chips.content["dropped"]),
        classes=dict(zip(chips.facts.output.channels, counts, strict=True)),
    )  # fmt: skip


def _carry_out(
    result: ChipsResult,
    todo: list[ChipUnit],
    work: ChipWork,
    executor: Executor,
    display: Mode,
    should_stop: Callable[[], bool],
) -> None:
    tally = Tally(len(todo))

    def told(event: Event) -> None:
        shown(event)  # which counts it
        if isinstance(event, Failed) and len(result.failures) < LISTED:
            result.failures.append({"unit": event.unit, **event.record()})

    with Display(tally, mode=display) as shown:
        summary = execute(todo, work, executor=executor, on_event=told, should_stop=should_stop)
    result.done, result.failed, result.seconds = summary.done, summary.failed, summary.seconds
    if (error := summary.stop_error()) is not None:
        raise error
    if summary.stopped:
        raise RunStoppedError(f"Stopped with {summary.done} of {len(todo)} units cut.", fix="The same command goes on.")


def _workers(store: Store, on_ray: bool, nodes: Sequence[Any], workers: int | None) -> tuple[ChipWork, Executor]:
    """The work and who does it: on Ray as many actors as fit, each with as many threads as it has cores."""
    share = environment().memory_fraction / 4
    if not on_ray:
        strip = int(min(MOST_STRIP, max(LEAST_STRIP, available_memory() * share)))
        threads = len(os.sched_getaffinity(0))
        return ChipWork(store.root, threads=threads, strip_bytes=strip), InlineExecutor()
    each = max(1, int(min([MOST_THREADS, *(node.cpus for node in nodes)])))
    if workers is not None and nodes:
        each = max(1, min(each, int(sum(node.cpus for node in nodes)) // workers))
    memory = min((node.memory / max(1.0, node.cpus // each) for node in nodes), default=0)
    strip = int(min(MOST_STRIP, max(LEAST_STRIP, memory * share)))
    return ChipWork(store.root, threads=each, strip_bytes=strip), RayExecutor(cpus=each, most=workers)


def _publish(
    plan: ChipPlan,
    held: Sequence[int] | None,
    units: list[ChipUnit],
    labels: AnyLabels,
    result: ChipsResult,
) -> None:
    """The index, and chips.json last: it commits the folder."""
    dropped, rows = [labels.dropped], []
    for unit in units:
        told = Shard(plan.store, shard_key(unit.id)).facts
        dropped.append(Dropped.of(told["dropped"]))
        rows += list(chip_rows(told, plan))
    if not rows:
        raise LabelError(
            f"Not one chip came out of {len(units)} units ({Dropped.sum(dropped)} left out; {result.failed} failed).",
            fix="Check whether the images show the labels' places, and the failures.",
            failures=result.failures,
        )
    result.dropped = Dropped.sum(dropped).to_dict()
    result.chips = len(rows)
    result.classes = publish_index(plan, rows, held=held, dropped=result.dropped, failures=result.failures)


def open_chips(folder: str | Path | Store) -> ChipSet:
    """Open chips that were cut; see `ChipSet.open`."""
    return ChipSet.open(folder)
