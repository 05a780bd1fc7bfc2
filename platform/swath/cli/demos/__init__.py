"""`swath demo`: the main jobs on a simulated Earth, offline, each compared with the truth that is known there."""

from __future__ import annotations

from swath.cli.demos.command import register

__all__ = ["register"]
