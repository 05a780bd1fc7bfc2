"""What a request reads: its items, frozen, and which of them each tile and step needs. Maps and chips begin here."""

from __future__ import annotations

from swath.planning.inputs import Said, frozen_inputs, grid_of, no_items, searched
from swath.planning.join import Footprints, Join, searched_area
from swath.planning.request import MapRequest
from swath.planning.steps import Steps
from swath.planning.table import ItemTable

__all__ = [
    "Footprints",
    "ItemTable",
    "Join",
    "MapRequest",
    "Said",
    "Steps",
    "frozen_inputs",
    "grid_of",
    "no_items",
    "searched",
    "searched_area",
]
