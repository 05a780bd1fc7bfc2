"""`python -m swath`."""

from __future__ import annotations

import sys

from swath.cli import main

sys.exit(main())
