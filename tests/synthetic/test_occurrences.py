"""Records tell of people as well as of species, and are as faulty as archives are; a survey is not."""

import csv
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from swath.synthetic import Window
from swath.synthetic.habitat import access
from swath.synthetic.occurrences import COLUMNS, FAULTS, Occurrences, merge, occurrences, write_occurrences
from swath.synthetic.species import pool
from swath.synthetic.survey import Survey, survey, write_survey
from swath.synthetic.survey import merge as merge_surveys
from swath.synthetic.visits import effort, visits

SITE = Window(32633, 50000, 540000, 300, 300)
DAYS = date(2018, 1, 1), date(2022, 12, 31)
DENSE = 200.0  # visits a square kilometre: enough for statistics in a small place


@pytest.fixture(scope="module")
def found(world) -> Occurrences:
    return occurrences(world, SITE, *DAYS, density=DENSE)


@pytest.fixture(scope="module")
def surveyed(world) -> Survey:
    return survey(world, SITE, *DAYS, density=25.0)


def test_a_record_is_the_same_in_any_window(world, found):
    part = occurrences(world, Window(32633, 50130, 539850, 120, 100), *DAYS, density=DENSE)
    assert len(part.rows) > 30
    rows = {(row["occurrenceID"], row["decimalLongitude"]): row for row in found.rows}
    assert all(rows[row["occurrenceID"], row["decimalLongitude"]] == row for row in part.rows)


def test_overlapping_windows_share_records_that_count_once(world, found, surveyed):
    whole, left, right = (Window(32633, 50000 + x, 540000, 60, n) for x, n in ((0, 100), (0, 60), (40, 60)))
    one, *parts = (occurrences(world, window, *DAYS, density=DENSE) for window in (whole, right, left))
    assert sum(len(part.rows) for part in parts) > len(one.rows) > 20
    assert merge(parts) == one
    ours, *others = (survey(world, window, *DAYS, density=25.0) for window in (whole, right, left))
    assert merge_surveys(others) == ours


def test_people_go_where_roads_and_towns_are(world):
    wide = Window(32633, 50000, 540000, 1500, 1500)
    place = access(world.seed, wide)
    for group in ("plants", "birds"):
        went = visits(world.seed, group, wide, *DAYS, density=20.0)
        at = went.cells[:, 0], went.cells[:, 1]
        assert len(went) > 1500
        assert np.median(place.road[at]) < 0.85 * np.median(place.road)
        assert np.median(place.town[at]) < 0.85 * np.median(place.town)
        count = np.zeros(place.road.shape)
        np.add.at(count, at, 1)
        want = effort(group, place)
        busy = want > np.quantile(want, 0.8)
        assert count[busy].sum() / count.sum() > 0.3  # a fifth of the land, without the bias
        assert count[busy].sum() / count.sum() == pytest.approx(want[busy].sum() / want.sum(), abs=0.03)


def test_a_record_needs_a_visit_a_find_and_a_name(world, found):
    road = access(world.seed, SITE).road
    went = {name for group in ("plants", "birds") for name in visits(world.seed, group, SITE, *DAYS, DENSE).names}
    assert {row["occurrenceID"].removesuffix(":copy").split(":")[2] for row in found.rows} <= went
    cells = np.array([row["occurrenceID"].split(":")[2].split("-")[1:3] for row in found.rows], int)
    cells = np.stack([SITE.top // 10 - cells[:, 1], cells[:, 0] - SITE.left // 10], -1)
    assert np.median(road[cells[:, 0], cells[:, 1]]) < 0.9 * np.median(road)


def test_records_lie_where_they_say_within_their_uncertainty(found):
    inside = total = 0
    for row, known in zip(found.rows, found.truth, strict=True):
        if known["fault"] in ("", "vague") and row["coordinateUncertaintyInMeters"] != "":
            east = (row["decimalLongitude"] - known["decimalLongitude"]) * np.cos(np.radians(known["decimalLatitude"]))
            off = np.hypot(east, row["decimalLatitude"] - known["decimalLatitude"]) * 111_195
            inside += off <= row["coordinateUncertaintyInMeters"] + 0.5
            total += 1
    assert inside / total == pytest.approx(0.95, abs=0.02)


def test_faults_come_as_often_as_they_are_said_to(found):
    once = {row["occurrenceID"].removesuffix(":copy"): row["fault"] for row in found.truth}
    said = pd.Series(list(once.values())).value_counts(normalize=True)
    for fault, share in FAULTS.items():
        assert said.get(fault, 0) == pytest.approx(share, abs=3 * np.sqrt(share / len(once)) + 1e-3), fault
    rows = pd.DataFrame(found.rows)
    assert ((rows["decimalLongitude"] == 0) & (rows["decimalLatitude"] == 0)).any()
    assert (rows["license"] == "").mean() == pytest.approx(0.05, abs=0.03)
    assert (rows["coordinateUncertaintyInMeters"] == "").mean() == pytest.approx(0.10, abs=0.04)
    assert rows["occurrenceID"].duplicated().any()
    assert rows["occurrenceID"].str.endswith(":copy").any()
    assert (rows["eventDate"] == "").any()


def test_a_centroid_is_shared_by_many_and_a_museums_record_is_old(found):
    rows = pd.DataFrame(found.rows).join(pd.DataFrame(found.truth)["fault"])
    centroid = rows[rows["fault"] == "centroid"]
    assert len(centroid[["decimalLongitude", "decimalLatitude"]].drop_duplicates()) == 1
    assert len(centroid) > 3
    old = rows[rows["fault"] == "old"]
    assert (old["year"].astype(int) < 1985).all()
    assert (old["basisOfRecord"] == "PRESERVED_SPECIMEN").all()


def of_species(surveyed: Survey) -> pd.DataFrame:
    rows = pd.DataFrame(surveyed.rows).join(pd.DataFrame(surveyed.truth)[["suitability", "lives"]])
    rows["present"] = rows["occurrenceStatus"] == "PRESENT"
    return rows


def auc(score: pd.Series, present: pd.Series) -> float:
    """Hanley and McNeil 1982."""
    n, m = present.sum(), (~present).sum()
    return float((rankdata(score)[present].sum() - n * (n + 1) / 2) / (n * m))


def test_true_suitability_ranks_the_surveys_presences_well_but_not_perfectly(surveyed):
    found = [
        auc(rows["suitability"], rows["present"])
        for _, rows in of_species(surveyed).groupby("scientificName")
        if 10 <= rows["present"].sum() <= len(rows) - 10
    ]
    assert len(found) >= 10
    assert 0.72 < np.mean(found) < 0.92


def test_the_survey_hardly_misses_and_never_invents(surveyed, world):
    rows = of_species(surveyed)
    assert not rows[rows["lives"] == 0]["present"].any()
    hard = [species.name for species in pool(world.seed) if species.detect > 0.6]
    there = rows[(rows["lives"] == 1) & rows["scientificName"].isin(hard)]
    assert there["present"].mean() > 0.95
    assert rows[rows["lives"] == 1]["present"].mean() > 0.85


def test_the_surveys_places_have_nothing_to_do_with_access(world, surveyed):
    place = access(world.seed, SITE)
    names = {row["eventID"] for row in surveyed.rows}
    cells = np.array([name.split("-")[1:3] for name in names], int)
    road = place.road[SITE.top // 10 - cells[:, 1], cells[:, 0] - SITE.left // 10]
    assert len(names) == pytest.approx(25 * 9, rel=0.2)
    assert np.mean(road) == pytest.approx(place.road.mean(), rel=0.12)


def test_records_and_survey_are_darwin_core_with_the_truth_in_other_files(found, surveyed, tmp_path):
    write_occurrences(found, tmp_path / "records.csv", tmp_path / "records-truth.csv")
    write_survey(surveyed, tmp_path / "survey.csv", tmp_path / "survey-truth.csv")
    with open(tmp_path / "records.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(found.rows)
    with open(tmp_path / "survey.csv", encoding="utf-8") as file:
        names = csv.DictReader(file).fieldnames
    assert not {"fault", "suitability", "lives"} & {*names, *COLUMNS}
    with open(tmp_path / "survey-truth.csv", encoding="utf-8") as file:
        assert sum(1 for _ in file) == len(surveyed.rows) + 1
