import pytest

from swath.errors import ModelError
from swath.registry import Reference, is_reference


@pytest.mark.parametrize(
    ("text", "is_version"), [("landcover@3", True), ("sea-ice@2.1", True), ("landcover@production", False)]
)
def test_a_reference_names_a_version_or_an_alias(text, is_version):
    assert Reference.parse(text).is_version == is_version
    assert str(Reference.parse(text)) == text
    assert is_reference(text)


@pytest.mark.parametrize(
    "text", ["../etc@1", "a/b@1", "landcover@../1", "Landcover@1", "landcover@", "@1", "x@1/../2", "x@" + "1" * 200]
)
def test_a_name_cannot_aim_outside_of_the_registry(text):
    assert not is_reference(text)
    with pytest.raises(ModelError):
        Reference.parse(text)


def test_a_name_without_version_says_how_to_write_one():
    with pytest.raises(ModelError, match="does not say which version") as raised:
        Reference.parse("landcover")
    assert "landcover@production" in raised.value.fix
