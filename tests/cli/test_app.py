"""The command as a person meets it: its table of contents, its help, its exit codes."""

import json
import subprocess
import sys

import pytest

import swath
from support.command import swath as command
from swath.cli import main

COMMANDS = [
    ["plan"], ["map"], ["status"], ["retry"], ["clean"], ["product"], ["product", "list"], ["product", "show"],
    ["product", "check"], ["product", "template"], ["collections"], ["demo"], ["simulate"], ["doctor"],
    ["train"], ["tune"], ["chips"], ["models", "list"], ["models", "register"], ["models", "promote"],
    ["models", "verify"], ["audit"], ["sample"], ["assess"], ["compare"], ["report"], ["clusters", "check"],
    ["clusters", "sweep"], ["clusters", "template"],
]  # fmt: skip


def test_help_reads_like_a_table_of_contents(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    panels = ["Maps", "Products", "Try it", "This machine"]
    places = [said.index(f"─ {panel} ─") for panel in panels]
    assert places == sorted(places)
    for words in COMMANDS:
        if len(words) == 1:
            assert f"│ {words[0]} " in said


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help(words, capsys):
    assert main([*words, "--help"]) == 0
    said = capsys.readouterr().out
    assert "Usage: swath" in said
    assert words[-1] in said


@pytest.mark.parametrize("words", [words for words in COMMANDS if words != ["product"]], ids=" ".join)
def test_every_command_takes_json(words, capsys):
    main([*words, "--help"])
    assert "--json" in capsys.readouterr().out


def test_no_command_shows_the_contents(capsys):
    main([])
    shown = capsys.readouterr()
    assert "Maps" in shown.out + shown.err


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == swath.__version__


@pytest.mark.parametrize("words", [["mpa"], ["map"], ["map", "mosaic", "--cluster", "moon"], ["map", "--colour"]])
def test_a_command_that_cannot_be_read_ends_with_2(words, capsys):
    assert main(words) == 2
    assert "Error" in capsys.readouterr().err


def test_python_m_swath_is_the_command():
    end = subprocess.run([sys.executable, "-m", "swath", "--version"], capture_output=True, text=True, check=True)
    assert end.stdout.strip() == swath.__version__


def test_an_error_is_one_json_document_on_standard_output():
    code, document = command("status", "/no/such/store")
    assert code == 2
    assert document["error"]["type"] == "StoreError"
    assert set(document["error"]) >= {"type", "message", "fix", "retry"}


def test_a_reader_that_goes_away_is_no_error():
    """`swath product template | head -1`."""
    with subprocess.Popen([sys.executable, "-m", "swath", "product", "template"], stdout=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.wait(60) in (0, 141)


def test_words_that_look_like_markup_are_shown_as_they_are(capsys):
    from rich.console import Console

    from swath.cli.output import key_values

    key_values(Console(), [("store", "/data/[/b] and [red]maps[/]")])
    assert "/data/[/b] and [red]maps[/]" in capsys.readouterr().out


def test_collections_are_listed_with_their_keys():
    code, document = command("collections")
    assert code == 0
    assert "swath-simulated-optical" in json.dumps(document)
