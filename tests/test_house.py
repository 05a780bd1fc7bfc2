"""The house keeps its own rules."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "platform" / "swath"
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def test_platform_holds_the_package_and_nothing_else():
    # an __init__.py there would hide the standard library's module `platform`
    held = {path.name for path in (ROOT / "platform").iterdir()} - {"__pycache__"}
    assert held == {"swath"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_names_what_it_gives(room):
    module = importlib.import_module(f"swath.{room}")
    assert module.__doc__
    assert sorted(module.__all__) == sorted(set(module.__all__))
    for name in module.__all__:
        assert hasattr(module, name), f"swath.{room} promises {name}"


def test_no_file_is_much_over_300_lines():
    long = {str(p.relative_to(ROOT)): n for p in PACKAGE.rglob("*.py") if (n := len(p.read_text().splitlines())) > 330}
    assert not long


def test_the_readme_gives_both_commands_and_only_targets_that_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE))
    assert {"demo", "test"} <= named
    assert named <= targets


def test_every_picture_and_page_that_the_readme_links_to_is_there():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / "README.md").read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
