"""Where the collection of a map stands, and how a verdict moves it.

A collection that failed its audit is kept beside its place: readers begin at `collection.json`, and find none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cached_property
from typing import Any

from swath.assessment.audit.finding import Verdict
from swath.assessment.published import PublishedMap, chosen_root, chosen_steps, read_steps
from swath.errors import SampleError
from swath.store import Lease, MissingKeyError, Store, names

AUDIT = "audit.json"  #: verdicts, by time step
FIELD = "swath:audit"  #: of the collection


class AuditedMap(PublishedMap):
    """A map that may be kept unpublished."""

    @cached_property
    def collection(self) -> dict[str, Any]:
        """The STAC collection, wherever it stands."""
        return read_collection(self.store, self.root)

    @classmethod
    def open_all(
        cls, where: str | os.PathLike[str] | Store, *, product: str | None = None, step: str | None = None
    ) -> list[AuditedMap]:
        """The time steps of a map, published or not.

        Args:
            where: The store.
            product: Name, or name and version; needed where the store has several.
            step: Only this one.

        Raises:
            SampleError: There is no such map or step, or there are several maps.
        """
        store = where if isinstance(where, Store) else Store.open(os.fspath(where))
        root = chosen_root(store, product, unpublished=True)
        return [cls(store, root, one) for one in chosen_steps(store, root, step)]


def read_collection(store: Store, root: str) -> dict[str, Any]:
    """The STAC collection of a map, published or not.

    Raises:
        MissingKeyError: There is neither.
    """
    try:
        return dict(json.loads(store.read_bytes(names.collection_key(root))))
    except MissingKeyError:
        return dict(json.loads(store.read_bytes(names.unpublished_key(root))))


def read_audits(store: Store, root: str) -> dict[str, Any]:
    """Content of `audit.json`; empty before the first audit."""
    try:
        return dict(json.loads(store.read_bytes(f"{root}/{AUDIT}")))
    except MissingKeyError:
        return {}


def store_verdicts(maps: list[AuditedMap], reports: dict[str, Any], *, time: str) -> dict[str, Any]:
    """Write `audit.json`; verdicts of other steps stay as long as those steps are the same.

    Args:
        maps: That were audited, all of one root.
        reports: By step; `map` and `verdict` among their facts.
        time: Of the audit, ISO 8601.

    Returns:
        What was written.
    """
    store, root = maps[0].store, maps[0].root
    steps = read_steps(store, root)
    before = read_audits(store, root).get("steps", {})
    kept = {
        step: report
        for step, report in before.items()
        if step in steps and step not in reports and report["map"] == PublishedMap(store, root, step).id
    }
    told = {**kept, **reports}
    document = {
        "verdict": str(Verdict.worst(report["verdict"] for report in told.values())),
        "time": time,
        "not audited": [step for step in steps if step not in told],
        "steps": dict(sorted(told.items())),
    }
    store.put_bytes(f"{root}/{AUDIT}", json.dumps(document, indent=1).encode())
    return document


def change_collection(store: Store, root: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the collection of a map where it stands, published or not.

    Args:
        store: Of the map.
        root: Folder of the product's version.
        change: Told the collection, and changes it.

    Raises:
        StoreBusyError: A driver works in this folder.
    """
    with Lease(store, f"{root}/lease.json"):
        there = read_collection(store, root)
        change(there)
        published = store.exists(names.collection_key(root))
        place = names.collection_key(root) if published else names.unpublished_key(root)
        store.put_bytes(place, json.dumps(there, indent=1).encode())


def publish_verdict(maps: list[AuditedMap], document: dict[str, Any]) -> str:
    """Put the collection where its verdict says, and the verdict into it.

    Args:
        maps: That were audited, all of one root.
        document: Of `store_verdicts`.

    Returns:
        URL of the collection.

    Raises:
        StoreBusyError: A driver works in this folder; the verdict stands in `audit.json`.
        SampleError: The map has changed while it was audited.
    """
    store, root = maps[0].store, maps[0].root
    with Lease(store, f"{root}/lease.json"):
        for one in maps:
            now = PublishedMap(store, root, one.step).id
            if now != one.id:
                raise SampleError(f"The map {one.id} has become {now}.", fix="Audit it again.")
        there = read_collection(store, root)
        there[FIELD] = {
            "verdict": document["verdict"],
            "time": document["time"],
            "href": f"./{AUDIT}",
            "maps": {step: {"map": r["map"], "verdict": r["verdict"]} for step, r in document["steps"].items()},
            **({"not_audited": document["not audited"]} if document["not audited"] else {}),
        }
        places = [names.collection_key(root), names.unpublished_key(root)]
        if document["verdict"] == Verdict.FAILED:
            places.reverse()
        store.put_bytes(places[0], json.dumps(there, indent=1).encode())
        store.delete(places[1])
    return store.url(places[0])
