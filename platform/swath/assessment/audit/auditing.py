"""Audit a map: every unit read once, by several threads, with all checks looking on."""

from __future__ import annotations

import os
import time
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from swath.assessment.audit.applicable import Applicable
from swath.assessment.audit.check import Check
from swath.assessment.audit.constants import Constants
from swath.assessment.audit.counts import Counts
from swath.assessment.audit.doubts import Doubts
from swath.assessment.audit.edges import TileEdges
from swath.assessment.audit.facts import LayerFacts, layer_facts
from swath.assessment.audit.files import Checksums, Cogs, Grids
from swath.assessment.audit.finding import Finding, Verdict
from swath.assessment.audit.footprints import Footprints
from swath.assessment.audit.planned import Planned
from swath.assessment.audit.publication import AUDIT, AuditedMap, publish_verdict, store_verdicts
from swath.assessment.audit.ranges import Ranges
from swath.assessment.audit.reading import read_unit
from swath.assessment.audit.shares import Before, Neighbours
from swath.assessment.audit.stac import Stac
from swath.assessment.audit.swaths import SwathEdges
from swath.assessment.in_order import in_order, threads_for
from swath.assessment.published import CLASS, PublishedMap, Unit
from swath.assessment.runs import Run, runs_of
from swath.errors import SampleError
from swath.grid.tiles import tile_index
from swath.planning import Said
from swath.store import Store, names

_WORKING = 12  # bytes a pixel that checks hold beside the layers: masks, differences, sums of probabilities
_PACKED = 1.5  # layers and the bytes of one file beside them


@dataclass(frozen=True)
class Report:
    """What the audit of one time step found.

    Attributes:
        map: Id of the very map.
        step: The time step.
        tiles: That it has.
        pixels: Of its tiles, owned or not.
        seconds: It took.
        findings: Of each check.
        skipped: Checks that have nothing to look at, and why.
    """

    map: str
    step: str
    tiles: int
    pixels: int
    seconds: float
    findings: tuple[Finding, ...]
    skipped: dict[str, str]

    @property
    def verdict(self) -> Verdict:
        """The worst of its findings."""
        return Verdict.worst(one.verdict for one in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "map": self.map, "verdict": str(self.verdict), "tiles": self.tiles, "pixels": self.pixels,
            "seconds": round(self.seconds, 2), "checks": [one.to_dict() for one in self.findings],
            "skipped": self.skipped,
        }  # fmt: skip


@dataclass(frozen=True)
class Audit:
    """An audit that stands in the store.

    Attributes:
        verdict: Of all time steps that have been audited.
        reports: Of those that this call audited.
        url: Of `audit.json`.
        collection: Where the collection stands now.
        document: Content of `audit.json`.
    """

    verdict: Verdict
    reports: tuple[Report, ...]
    url: str
    collection: str
    document: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**self.document, "audit": self.url, "collection": self.collection}


def audit_map(
    where: str | os.PathLike[str] | Store,
    *,
    product: str | None = None,
    step: str | None = None,
    against: str | os.PathLike[str] | Store | None = None,
    threads: int | None = None,
    say: Said = lambda _: None,
) -> Audit:
    """Audit a map and put its collection where the verdict says.

    The verdict is written before anything is raised. A map that failed is kept unpublished, see `publication`.

    Args:
        where: The store.
        product: Name, or name and version; needed where the store has several.
        step: Only this time step; all by default.
        against: Store of the version before, whose class shares are compared; of several steps the same one.
        threads: That read; as many as there are cores and memory by default.
        say: Told of progress.

    Raises:
        SampleError: There is no such map, or it changed meanwhile.
        StoreBusyError: A driver works in the map's folder; the verdict stands.
    """
    maps = AuditedMap.open_all(where, product=product, step=step)
    befores = {one.step: _before(one, against) for one in maps}
    reports = tuple(audit_step(one, before=befores[one.step], threads=threads, say=say) for one in maps)
    told = {report.step: report.to_dict() for report in reports}
    document = store_verdicts(maps, told, time=datetime.now(UTC).isoformat(timespec="seconds"))
    first = maps[0]
    collection = publish_verdict(maps, document)
    return Audit(Verdict(document["verdict"]), reports, first.store.url(f"{first.root}/{AUDIT}"), collection, document)


def _before(map_: AuditedMap, against: str | os.PathLike[str] | Store | None) -> PublishedMap | None:
    """The version before of a time step: the same step if it has that, else its only one."""
    if against is None:
        return None
    others = AuditedMap.open_all(against)
    same = [one for one in others if one.step == map_.step] or (others if len(others) == 1 else [])
    if not same:
        raise SampleError(
            f"{others[0].root} has no time step {map_.step!r} to hold the map against.",
            fix=f"It has {', '.join(one.step for one in others)}; audit one of these with --step.",
        )
    return same[0]


def audit_step(
    map_: AuditedMap,
    *,
    before: PublishedMap | None = None,
    only: Container[str] | None = None,
    threads: int | None = None,
    say: Said = lambda _: None,
) -> Report:
    """Audit one time step; nothing is written.

    Args:
        map_: The time step.
        before: The version before.
        only: Names of the checks that look on; all by default.
        threads: That read.
        say: Told of progress.
    """
    begun = time.monotonic()
    runs = runs_of(map_)
    facts = layer_facts(map_, own_counts=_own_counts(runs))
    checks, skipped = _checks(map_, facts, runs, before)
    checks = [check for check in checks if only is None or check.name in only]
    pixels = 0

    def measure(unit: Unit) -> list[Any]:
        read = read_unit(map_, unit, facts)
        return [check.measure(read) for check in checks]

    # neighbours come close together, so that few edges wait for theirs
    order = sorted(map_.units, key=lambda unit: tile_index(unit.tile.id))
    passing = in_order(measure, order, threads=threads or _threads(map_, facts))
    for number, (unit, measured) in enumerate(passing):
        pixels += unit.tile.shape[0] * unit.tile.shape[1]
        for check, one in zip(checks, measured, strict=True):
            check.take(names.unit_id(unit.tile.id, unit.step), one)
        if number % 100 == 99:
            say(f"{map_.step}: {number + 1} of {len(map_.units)} tiles")
    findings = tuple(check.finding() for check in checks)
    return Report(map_.id, map_.step, len(map_.units), pixels, time.monotonic() - begun, findings, skipped)


def _own_counts(runs: list[Run]) -> dict[str, str | None] | None:
    for run in reversed(runs):
        if told := run.own_counts:
            return told
    return None


def _checks(
    map_: AuditedMap, facts: dict[str, LayerFacts], runs: list[Run], before: PublishedMap | None
) -> tuple[list[Check], dict[str, str]]:
    """All checks that apply, and why others do not."""
    checks: list[Check] = [
        Planned(runs, map_.step), Checksums(), Cogs(), Grids(facts), Ranges(), Constants(facts), TileEdges(facts),
        SwathEdges(facts, Footprints.of(runs, map_.step)), Stac(map_),
    ]  # fmt: skip
    skipped = {}
    if Counts.applies(facts):
        checks.append(Counts(facts))
    else:
        skipped[Counts.name] = "no layer of counts tells of the layers of data"
    if Doubts.applies(facts):
        checks.append(Doubts(facts))
    else:
        skipped[Doubts.name] = "no layer tells how sure another one is"
    if Applicable.applies(facts):
        checks.append(Applicable(facts))
    else:
        skipped[Applicable.name] = "no layer tells where the model may be applied"
    if CLASS in facts and facts[CLASS].legend is not None:
        checks.append(Neighbours())
        if before is None:
            skipped[Before.name] = "no version before was given"
        elif before.legend != facts[CLASS].legend:
            skipped[Before.name] = f"{before.id} has another legend"
        else:
            checks.append(Before(before, map_.legend))
    else:
        skipped |= dict.fromkeys((Neighbours.name, Before.name), "it is no map of classes")
    return checks, skipped


def _threads(map_: AuditedMap, facts: dict[str, LayerFacts]) -> int:
    rows, cols = max((unit.tile.shape for unit in map_.units), default=(0, 0))
    layers = sum(np.dtype(one.dtype or "float32").itemsize for one in facts.values())
    return threads_for(rows * cols * (_PACKED * layers + _WORKING))
