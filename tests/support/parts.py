"""Parts that a machine may lack: skipped with the reason, or a failure where SWATH_REQUIRE=all."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]


def missing(what: str, fix: str) -> NoReturn:
    """Skip the test, or fail it where every part is required."""
    reason = f"{what} is not here: {fix}"
    if os.environ.get("SWATH_REQUIRE") == "all":
        pytest.fail(f"SWATH_REQUIRE=all, and {reason}")
    pytest.skip(reason)


def real_data() -> Path:
    """The folder of real scenes, items and tables."""
    folder = Path(os.environ.get("SWATH_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "catalog.json").is_file():
        missing(f"real data ({folder})", "set SWATH_TEST_DATA to the folder that holds catalog.json.")
    return folder


def program(name: str, package: str) -> Path:
    """A program of the machine, such as PostgreSQL's."""
    found = shutil.which(name) or next(iter(sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))), None)
    if found is None:
        missing(f"the program {name}", f"`make system` installs {package}.")
    return Path(found)
