"""Assess a map: a Ray job. `python jobs/assess.py URI`, with the URI of a run spec in a store."""

import sys

from swath.cli.job import main

sys.exit(main(["assess", *sys.argv[1:]]))
