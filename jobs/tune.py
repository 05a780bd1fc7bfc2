"""Search settings of a training: a Ray job. `python jobs/tune.py URI`, with the URI of a run spec in a store."""

import sys

from swath.cli.job import main

sys.exit(main(["tune", *sys.argv[1:]]))
