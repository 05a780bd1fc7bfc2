"""Accuracy and areas are those of the papers' worked examples, to the digits that they print."""

import numpy as np
import pytest

from swath.assessment.estimates import accuracy
from swath.assessment.stratified import shares
from swath.assessment.tally import Tally
from swath.errors import SampleError

# Olofsson et al. 2014, tables 8 and 9: 30 m pixels by map class
PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000])
CLASSES = ("deforestation", "forest gain", "stable forest", "stable non-forest")
MATRIX = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])


def olofsson(**more):
    return Tally.by_map_class(MATRIX, PIXELS * 0.09, CLASSES, **more)


@pytest.fixture(scope="module")
def told():
    return accuracy(olofsson())


@pytest.mark.parametrize(
    ("name", "hectares", "half"),
    list(zip(CLASSES, (21158, 11686, 285770, 581386), (6158, 3756, 15510, 16282), strict=True)),
)
def test_areas_and_their_intervals_are_those_of_olofsson(told, name, hectares, half):
    one = told.of("area", name)
    assert round(one.value) == hectares
    # the paper has z = 1.96
    assert 1.96 * one.standard_error == pytest.approx(half, abs=1)


@pytest.mark.parametrize(
    ("figure", "values"),
    [("users_accuracy", (0.88, 0.73, 0.93, 0.96)), ("producers_accuracy", (0.75, 0.85, 0.93, 0.96))],
)
def test_accuracies_are_those_of_olofsson(told, figure, values):
    assert [round(told.of(figure, name).value, 2) for name in CLASSES] == list(values)


def test_standard_errors_of_the_users_accuracy_are_those_of_olofsson(told):
    halves = [round(1.96 * told.of("users_accuracy", name).standard_error, 2) for name in CLASSES]
    assert halves == [0.07, 0.10, 0.04, 0.02]


def test_overall_accuracy_is_that_of_olofsson(told):
    one = told.of("overall_accuracy")
    assert round(one.value, 2) == 0.95 and round(1.96 * one.standard_error, 2) == 0.02


# Stehman 2014, table 2: ten units of each stratum, reference and map class of each
REFERENCE = ("AAAAACBABC", "ABBBBBAABB", "CCCCCDDBBA", "DDDDDDDCCB")
MAPPED = ("AAAAAAABBB", "ABBBBBBBBB", "BBCCCCCCBB", "DDDDDDDDDD")


@pytest.fixture(scope="module")
def stehman():
    counts = np.zeros((4, 4, 4), np.int64)
    for h, (reference, mapped) in enumerate(zip(REFERENCE, MAPPED, strict=True)):
        for i, j in zip(mapped, reference, strict=True):
            counts[h, "ABCD".index(i), "ABCD".index(j)] += 1
    pixels = np.array([40_000, 30_000, 20_000, 10_000])
    return accuracy(Tally(counts, pixels * 1.0, tuple("ABCD"), ("1", "2", "3", "4"), pixels))


@pytest.mark.parametrize(
    ("figure", "name", "value", "error"),
    [
        ("area", "A", 0.35, 0.082), ("area", "C", 0.20, 0.064), ("overall_accuracy", "", 0.63, 0.085),
        ("users_accuracy", "B", 0.574, 0.125), ("producers_accuracy", "B", 0.794, 0.117),
    ],
)  # fmt: skip
def test_strata_that_differ_from_the_map_give_what_stehman_prints(stehman, figure, name, value, error):
    one = stehman.of(figure, name)
    scale = stehman.tally.area if figure == "area" else 1
    assert round(one.value / scale, 3) == value
    assert round(one.standard_error / scale, 3) == error


def test_a_cell_of_the_error_matrix_is_what_stehman_prints(stehman):
    assert shares(stehman.tally)["ABCD".index("B"), "ABCD".index("C")] == pytest.approx(0.08)


def test_an_estimate_that_rests_on_few_omitted_units_is_flagged(told):
    assert told.of("producers_accuracy", "forest gain").is_few
    assert told.of("area", "forest gain").omitted == 1
    assert not told.of("area", "stable forest").is_few
    assert not told.of("users_accuracy", "forest gain").is_few


def test_without_an_omission_the_published_interval_has_no_width_and_ours_has():
    tally = Tally.by_map_class(np.array([[50, 0], [0, 50]]), [100.0, 900.0], ("a", "b"))
    one = accuracy(tally).of("producers_accuracy", "a")
    assert one.published == (1.0, 1.0)
    assert one.low < 0.99 < one.high <= 1.0


def test_a_sample_of_everything_leaves_nothing_uncertain():
    counts = np.array([[30, 10], [0, 60]])
    tally = Tally.by_map_class(counts, [40.0, 60.0], ("a", "b"), units=[40, 60])
    one = accuracy(tally).of("area", "b")
    assert one.value == one.low == one.high == pytest.approx(70.0)
    assert one.standard_error == 0


def test_tables_give_what_arrays_give(tmp_path, told):
    rows = [f"{name},{','.join(map(str, row))}" for name, row in zip(CLASSES, MATRIX, strict=True)]
    (tmp_path / "counts.csv").write_text(f"map,{','.join(CLASSES)}\n" + "\n".join(rows) + "\n")
    areas = [f"{name},{hectares}" for name, hectares in zip(CLASSES, PIXELS * 0.09, strict=True)]
    (tmp_path / "areas.csv").write_text("class,hectares\n" + "\n".join(areas) + "\n")
    found = accuracy(Tally.read(tmp_path / "counts.csv", tmp_path / "areas.csv"))
    assert found.to_dict() == told.to_dict()


@pytest.mark.parametrize(
    ("counts", "areas", "message"),
    [
        ("x,a,b\na,5,1\nb,1,5\n", "a,10\nc,20\n", "'b', 'c' stands on one side only"),
        ("x,a,b\na,5,1\nb,1,x\n", "a,10\nb,20\n", "'b', 'b': 'x' is no count"),
        ("x,a,b\na,1,0\nb,1,5\n", "a,10\nb,20\n", "Stratum 'a' of 10 ha has 1 unit: its variance is undefined"),
        ("x,a,b\na,5,1\nb,1,5\n", "a,10\nb,-20\n", "hectares, 0 or more"),
        ("x,a,b\na,5\nb,1,5\n", "a,10\nb,20\n", "the row of 'a' has 1 counts"),
        ("x,a,a\na,5,1\na,1,5\n", "a,10\n", "'a' comes twice"),
    ],
)
def test_tables_that_cannot_be_right_are_refused(tmp_path, counts, areas, message):
    (tmp_path / "counts.csv").write_text(counts)
    (tmp_path / "areas.csv").write_text(areas)
    with pytest.raises(SampleError, match=message):
        Tally.read(tmp_path / "counts.csv", tmp_path / "areas.csv")
