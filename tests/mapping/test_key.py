"""The resume key: every input changes it, and nothing else does."""

import re
from dataclasses import replace

import numpy as np
import pytest

from swath.mapping.key import KeyMaker, key_of

MAKER = KeyMaker(product="p", model="", backend="numba", pixels={"cube": 1, "mapping": 1})
DIGESTS = np.arange(48, dtype=np.uint8).reshape(3, 16)
KEY, CONTENT = MAKER.keys("tile", "2023", DIGESTS)


def test_keys_are_twelve_hexadecimal_digits():
    assert re.fullmatch(r"[0-9a-f]{12}", KEY)
    assert re.fullmatch(r"[0-9a-f]{12}", CONTENT)
    assert KEY != CONTENT


@pytest.mark.parametrize("change", [{"product": "q"}, {"model": "m"}, {"backend": "torch-cuda"}])
def test_what_the_unit_is_made_from_changes_both(change):
    key, content = replace(MAKER, **change).keys("tile", "2023", DIGESTS)
    assert key != KEY
    assert content != CONTENT


@pytest.mark.parametrize(
    "arguments",
    [
        ("other", "2023", DIGESTS),
        ("tile", "2024", DIGESTS),
        ("tile", "2023", DIGESTS[:2]),
        ("tile", "2023", DIGESTS[::-1]),
        ("tile", "2023", DIGESTS + np.uint8(1)),
    ],
)
def test_tile_step_and_items_change_both(arguments):
    key, content = MAKER.keys(*arguments)
    assert key != KEY
    assert content != CONTENT


def test_the_version_of_the_code_changes_the_key_only():
    key, content = replace(MAKER, pixels={"cube": 2, "mapping": 1}).keys("tile", "2023", DIGESTS)
    assert key != KEY
    assert content == CONTENT


def test_the_order_in_which_stages_are_named_does_not_matter():
    assert replace(MAKER, pixels={"mapping": 1, "cube": 1}).keys("tile", "2023", DIGESTS) == (KEY, CONTENT)


def test_how_the_digests_lie_in_memory_does_not_matter():
    spread = np.zeros((3, 32), np.uint8)[:, ::2]
    spread[:] = DIGESTS
    assert MAKER.keys("tile", "2023", spread) == (KEY, CONTENT)


def test_the_key_follows_from_the_content_so_that_a_plan_of_older_code_can_be_told_anew():
    newer = {"cube": 2, "mapping": 1}
    assert key_of(CONTENT, MAKER.pixels) == KEY
    assert key_of(CONTENT, newer) == replace(MAKER, pixels=newer).keys("tile", "2023", DIGESTS)[0]


def test_which_input_reads_an_item_changes_both():
    one, other = MAKER.keys("tile", "2023", DIGESTS, (2, 1)), MAKER.keys("tile", "2023", DIGESTS, (1, 2))
    assert one[0] != other[0] and one[1] != other[1] and (KEY, CONTENT) not in (one, other)


def test_a_product_of_one_input_has_the_keys_that_it_had_before_there_were_several():
    assert (KEY, CONTENT) == ("a9e78f509795", "ee49ab86c0b3")
