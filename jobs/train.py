"""Train a model: a Ray job. `python jobs/train.py URI`, with the URI of a run spec in a store."""

import sys

from swath.cli.job import main

sys.exit(main(["train", *sys.argv[1:]]))
