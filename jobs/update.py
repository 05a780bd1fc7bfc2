"""Bring a map up to date: a Ray job. `python jobs/update.py URI`, with the URI of a run spec in a store."""

import sys

from swath.cli.job import main

sys.exit(main(["update", *sys.argv[1:]]))
