"""Carry a committed plan out: a Ray job. `python jobs/map.py URI`, with the URI of a run spec in a store."""

import sys

from swath.cli.job import main

sys.exit(main(["map", *sys.argv[1:]]))
