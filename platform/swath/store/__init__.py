"""Where runs write: a local folder or an S3 prefix, and the books that are kept there."""

from __future__ import annotations

from swath.store import names
from swath.store.base import MissingKeyError, Store
from swath.store.lease import Lease, Owner
from swath.store.ledger import STATS_SCHEMA, Failures, Stats, read_stats
from swath.store.names import UnitFile, done_units
from swath.store.progress import Progress, ProgressWriter, read_progress

__all__ = [
    "STATS_SCHEMA",
    "Failures",
    "Lease",
    "MissingKeyError",
    "Owner",
    "Progress",
    "ProgressWriter",
    "Stats",
    "Store",
    "UnitFile",
    "done_units",
    "names",
    "read_progress",
    "read_stats",
]
