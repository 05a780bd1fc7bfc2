"""Delete clusters whose launcher was never heard of again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from swath.cluster.kuberay.api import Kubernetes
from swath.cluster.kuberay.manifest import DELETE_AFTER, MANAGER, RUN_LABEL


@dataclass(frozen=True)
class Orphan:
    """A cluster that is too old.

    Attributes:
        name: Of the RayCluster.
        run: That it was for, as its label has it.
        overdue_s: Seconds since it should have gone.
        deleted: False on a dry run, or where it had gone by itself.
    """

    name: str
    run: str
    overdue_s: float
    deleted: bool


def sweep(
    api: Kubernetes, *, older_than_s: float = 48 * 3600, dry_run: bool = False, now: datetime | None = None
) -> list[Orphan]:
    """Delete clusters of Swath after the time that stands on them.

    Args:
        api: Kubernetes, of one namespace.
        older_than_s: Where that time cannot be read: delete when it was created so long ago.
        dry_run: Only list.
        now: The time; by default this moment.
    """
    now = now or datetime.now(UTC)
    labels = ",".join(f"{name}={value}" for name, value in MANAGER.items())
    found = []
    for cluster in api.list_clusters(labels):
        metadata = cluster["metadata"]
        # selectors are a filter of the server's; what is not ours is never touched, whatever it answers
        if not MANAGER.items() <= (metadata.get("labels") or {}).items() or metadata.get("deletionTimestamp"):
            continue
        due = _due(metadata, older_than_s)
        if due is None or now < due:
            continue
        deleted = False if dry_run else api.delete(metadata["name"])
        run = metadata["labels"].get(RUN_LABEL, "")
        found.append(Orphan(metadata["name"], run, (now - due).total_seconds(), deleted))
    return found


def _due(metadata: dict[str, Any], older_than_s: float) -> datetime | None:
    told = _time((metadata.get("annotations") or {}).get(DELETE_AFTER))
    if told is not None:
        return told
    created = _time(metadata.get("creationTimestamp"))
    return None if created is None else created + timedelta(seconds=older_than_s)


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
