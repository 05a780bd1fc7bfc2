"""Carry a list of units out: executors, events, retries, stop, progress."""

from __future__ import annotations

from swath.runs.budget import ByteBudget, available_memory
from swath.runs.events import Done, Event, Failed, Retried, Started, Summary
from swath.runs.execute import execute
from swath.runs.inline import InlineExecutor
from swath.runs.on_ray import RayExecutor
from swath.runs.outcome import Outcome
from swath.runs.pipeline import IN_FLIGHT, Pipeline
from swath.runs.progress import Display, Tally
from swath.runs.stop import StopSignal
from swath.runs.work import FitsMemory, Unit, Work
from swath.runs.workers import Executor, Workers

__all__ = [
    "IN_FLIGHT",
    "ByteBudget",
    "Display",
    "Done",
    "Event",
    "Executor",
    "Failed",
    "FitsMemory",
    "InlineExecutor",
    "Outcome",
    "Pipeline",
    "RayExecutor",
    "Retried",
    "Started",
    "StopSignal",
    "Summary",
    "Tally",
    "Unit",
    "Work",
    "Workers",
    "available_memory",
    "execute",
]
