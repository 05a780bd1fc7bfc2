"""Occurrence records: cleaned and thinned, each row that goes with its reason."""

import numpy as np
import pandas as pd
import pytest

from swath.errors import LabelError
from swath.grid import Area
from swath.training import Reason
from swath.training.occurrence_rules import OccurrenceRules, licence_of
from swath.training.occurrences import read_occurrences

AREA = Area.parse("12,47,13,48")


def records(n=120, species=("Abies alba", "Fagus sylvatica"), seed=1):
    """Good records, far enough apart that none is thinned away."""
    places = np.stack(np.meshgrid(np.linspace(12.1, 12.9, 15), np.linspace(47.1, 47.9, 12)), -1).reshape(-1, 2)
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "occurrenceID": [f"id-{i}" for i in range(n)],
            "scientificName": [species[i % len(species)] for i in range(n)],
            "decimalLongitude": places[:n, 0].round(6), "decimalLatitude": places[:n, 1].round(6),
            "coordinateUncertaintyInMeters": draw.uniform(1, 500, n).round(), "eventDate": "2021-06-03",
            "basisOfRecord": "HUMAN_OBSERVATION", "license": "CC_BY_4_0", "datasetName": "Trees of the Alps",
        }
    )  # fmt: skip


def written(frame, folder, name="occurrence.csv"):
    frame.to_csv(folder / name, index=False, sep="\t" if name.endswith(("txt", "tsv")) else ",")
    return folder / name


def read(frame, folder, name="occurrence.csv", *, area=AREA, **rules):
    return read_occurrences(written(frame, folder, name), area=area, rules=OccurrenceRules(**rules))


@pytest.mark.parametrize("name", ["occurrence.csv", "occurrence.txt"])
def test_darwin_core_with_commas_or_tabs_is_read(name, tmp_path):
    found = read(records(), tmp_path, name)
    assert found.names == ("Abies alba", "Fagus sylvatica")
    assert found.presences == {"Abies alba": 60, "Fagus sylvatica": 60}
    assert len(found) == 120 and not found.has_absences
    assert set(found.year.tolist()) == {2021}
    assert not found.dropped.counts


@pytest.mark.parametrize(
    ("column", "value", "reason", "rules"),
    [
        ("scientificName", None, Reason.NO_NAME, {}),
        ("decimalLatitude", None, Reason.NO_PLACE, {}),
        ("decimalLatitude", 95.0, Reason.OFF_EARTH, {}),
        ("decimalLongitude", 14.0, Reason.OUTSIDE_AREA, {}),
        ("coordinateUncertaintyInMeters", 5000, Reason.UNCERTAIN, {}),
        ("coordinateUncertaintyInMeters", None, Reason.UNCERTAIN, {"unknown_uncertainty": "drop"}),
        ("basisOfRecord", "FOSSIL_SPECIMEN", Reason.BASIS, {}),
        ("basisOfRecord", "LivingSpecimen", Reason.BASIS, {}),
        ("license", None, Reason.LICENCE, {}),
        ("license", "all rights reserved", Reason.LICENCE, {}),
        ("license", "CC_BY_NC_4_0", Reason.LICENCE, {"licences": ["CC0", "CC-BY"]}),
        ("eventDate", "1890-05-01", Reason.YEAR, {"years": [2000, 2025]}),
        ("eventDate", None, Reason.NO_YEAR, {"years": [2000, 2025]}),
        ("scientificName", "Picea abies", Reason.TAXON, {"species": ["Abies alba", "Fagus sylvatica"]}),
    ],
)
def test_a_record_that_does_not_pass_is_dropped_and_counted(column, value, reason, rules, tmp_path):
    frame = records().astype({column: object})
    frame.loc[[3, 8], column] = value
    found = read(frame, tmp_path, **rules)
    assert found.dropped.to_dict() == {reason.value: 2}
    assert len(found) == 118


def test_places_at_zero_and_with_equal_coordinates_are_dropped(tmp_path):
    frame = records()
    frame.loc[0, ["decimalLongitude", "decimalLatitude"]] = 0.0
    frame.loc[1, ["decimalLongitude", "decimalLatitude"]] = 47.5
    found = read(frame, tmp_path, area=None)
    assert found.dropped[Reason.ZERO_PLACE] == 1
    assert found.dropped[Reason.EQUAL_PLACE] == 1


def test_records_at_a_centroid_of_the_list_are_dropped(tmp_path):
    frame = records()
    here = frame.loc[[5, 7], ["decimalLongitude", "decimalLatitude"]].to_numpy() + np.array([0.002, 0.0])
    pd.DataFrame(here, columns=["lon", "lat"]).to_csv(tmp_path / "centroids.csv", index=False)
    found = read(frame, tmp_path, centroids=str(tmp_path / "centroids.csv"))
    assert found.dropped.to_dict() == {Reason.CENTROID.value: 2}
    near = read(frame, tmp_path, centroids=str(tmp_path / "centroids.csv"), centroid_m=100)
    assert not near.dropped.counts


def test_records_that_stand_twice_count_once(tmp_path):
    frame = records()
    copy = frame.head(4).copy()
    other_id = frame.iloc[[9]].assign(occurrenceID="another")
    found = read(pd.concat([frame, copy, other_id]), tmp_path)
    assert found.dropped.to_dict() == {Reason.TWICE.value: 5}


def test_one_record_of_a_species_stays_in_a_cell_the_one_that_is_placed_best(tmp_path):
    frame = records()
    near = frame.iloc[[0, 2]].copy()
    near["occurrenceID"] = ["x", "y"]
    near["decimalLongitude"] += 1e-5
    near["coordinateUncertaintyInMeters"] = [0.5, 900]
    found = read(pd.concat([frame, near]), tmp_path)
    assert found.dropped.to_dict() == {Reason.THINNED.value: 2}
    assert 0.5 in found.uncertainty and 900 not in found.uncertainty
    assert len(read(pd.concat([frame, near]), tmp_path, thin_m=0)) == 122


def test_two_species_may_share_a_cell(tmp_path):
    frame = records()
    frame["decimalLongitude"] = frame["decimalLongitude"].to_numpy()[np.arange(120) // 2]
    frame["decimalLatitude"] = frame["decimalLatitude"].to_numpy()[np.arange(120) // 2]
    assert len(read(frame, tmp_path)) == 120


def test_absences_are_kept_as_such(tmp_path):
    frame = records().assign(occurrenceStatus="PRESENT")
    frame.loc[frame.index % 3 == 0, "occurrenceStatus"] = "absent"
    found = read(frame, tmp_path)
    assert found.has_absences
    assert int((~found.present).sum()) == 40
    assert sum(found.presences.values()) == 80


def test_a_species_with_three_records_is_flagged_or_refused(tmp_path):
    frame = records()
    frame.loc[[0, 1, 2], "scientificName"] = "Taxus baccata"
    found = read(frame, tmp_path)
    assert found.rare == {"Taxus baccata": 3}
    assert "Taxus baccata" not in found.names
    assert found.dropped.to_dict() == {Reason.RARE.value: 3}
    with pytest.raises(LabelError, match=r"1 species have fewer than 10 records: Taxus baccata \(3\)"):
        read(frame, tmp_path, rare="refuse")


def test_absences_do_not_make_a_species_frequent(tmp_path):
    frame = records().assign(occurrenceStatus="present")
    frame.loc[frame.scientificName == "Abies alba", "occurrenceStatus"] = "absent"
    assert read(frame, tmp_path).rare == {"Abies alba": 0}


def test_every_row_is_accounted_for(tmp_path):
    frame = records()
    frame.loc[:30, "basisOfRecord"] = "FOSSIL_SPECIMEN"
    frame.loc[20:40, "license"] = None
    frame = pd.concat([frame, frame.tail(6)])
    found = read(frame, tmp_path, thin_m=20_000)
    assert len(found) + sum(found.dropped.counts.values()) == len(frame)


def test_the_order_of_the_file_does_not_count(tmp_path):
    frame = records()
    one = read(frame, tmp_path, thin_m=20_000)
    other = read(frame.sample(frac=1, random_state=2), tmp_path, thin_m=20_000)
    assert one.to_arrow().sort_by("lon").equals(other.to_arrow().sort_by("lon"))


def test_swapped_axes_are_said(tmp_path):
    frame = records().rename(columns={"decimalLongitude": "decimalLatitude", "decimalLatitude": "decimalLongitude"})
    with pytest.raises(LabelError, match="with longitude and latitude swapped its records lie where they should"):
        read(frame, tmp_path)
    frame["decimalLatitude"] += 100
    with pytest.raises(LabelError, match="axis order is wrong"):
        read(frame, tmp_path, area=None)


def test_a_file_without_species_says_what_it_has(tmp_path):
    with pytest.raises(LabelError, match=r"no column species or scientificName or .*it has occurrenceID"):
        read(records().drop(columns="scientificName"), tmp_path)


def test_the_citation_names_data_sets_and_licences_or_is_the_one_given(tmp_path):
    found = read(records(), tmp_path)
    assert found.citation == "120 occurrence records of Trees of the Alps (CC-BY), from occurrence.csv."
    told = read_occurrences(written(records(), tmp_path), citation="GBIF.org, doi:10.15468/dl.x")
    assert told.citation == "GBIF.org, doi:10.15468/dl.x"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CC_BY_NC_4_0", "CC-BY-NC"),
        ("http://creativecommons.org/licenses/by-nc/4.0/legalcode", "CC-BY-NC"),
        ("CC BY 4.0", "CC-BY"),
        ("http://creativecommons.org/publicdomain/zero/1.0/legalcode", "CC0"),
        ("CC0_1_0", "CC0"),
        ("all rights reserved", "all rights reserved"),
    ],
)
def test_a_licence_has_one_name(text, name):
    assert licence_of(text) == name
