"""What a request reads: its items, frozen, and which of them each tile and step needs. Maps and chips begin here."""

from __future__ import annotations

from swath.planning.asking import package_of, product_of, request_of
from swath.planning.input_steps import InputSteps
from swath.planning.inputs import Inputs, Said, freeze_inputs
from swath.planning.join import Footprints, Join, searched_area
from swath.planning.request import MapRequest
from swath.planning.searching import grid_of, no_items, search_inputs
from swath.planning.steps import Steps
from swath.planning.table import ItemTable

__all__ = [
    "Footprints",
    "InputSteps",
    "Inputs",
    "ItemTable",
    "Join",
    "MapRequest",
    "Said",
    "Steps",
    "freeze_inputs",
    "grid_of",
    "no_items",
    "package_of",
    "product_of",
    "request_of",
    "search_inputs",
    "searched_area",
]
