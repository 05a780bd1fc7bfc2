"""What the doctor tells, and what it never tells."""

import json

import pytest

from support.command import swath
from swath.cli import doctor, main

MARK = "wJalrXUtnFEMI-a-secret-marker"


@pytest.fixture
def secrets(monkeypatch):
    for name in doctor.CREDENTIALS:
        monkeypatch.setenv(name, f"{MARK}-{name}")


def test_credentials_are_named_and_their_values_never_shown(secrets, capsys):
    assert main(["doctor"]) in (0, 1)
    said = capsys.readouterr()
    assert "AWS_SECRET_ACCESS_KEY" in said.out
    assert MARK not in said.out + said.err


def test_nor_are_they_in_the_document(secrets):
    _, document = swath("doctor")
    assert document["credentials"]["AWS_SECRET_ACCESS_KEY"] == "set"
    assert MARK not in json.dumps(document)


def test_credentials_that_are_missing_are_no_fault(monkeypatch):
    for name in doctor.CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    code, document = swath("doctor")
    assert code == 0
    assert document["credentials"]["AWS_ACCESS_KEY_ID"] == "not set"


def test_it_tells_of_versions_drivers_and_the_machine():
    _, document = swath("doctor")
    assert set(document) == {"versions", "rasters", "machine", "credentials"}
    assert document["rasters"]["driver COG"] == "yes"
    assert int(document["machine"]["cores"]) >= 1
    assert document["versions"]["ray"]


def test_a_cache_that_cannot_be_written_is_a_fault(monkeypatch):
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    code, document = swath("doctor")
    assert code == 1
    assert "SWATH_CACHE" in document["machine"]["cache"]


def test_a_missing_package_is_a_fault(monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("no-such-package",))
    code, document = swath("doctor")
    assert code == 1
    assert document["versions"]["no-such-package"] == "missing"
