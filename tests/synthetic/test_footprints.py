"""Footprints lie along tracks, are as noisy as they say, and hide nothing that a filter could find."""

import itertools
from datetime import date

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from pyproj import Transformer

from swath.synthetic import Window, World
from swath.synthetic.footprints import Footprints, footprints, good, merge, write_footprints
from swath.synthetic.lidar import under
from swath.synthetic.tracks import BEAMS, ROUND, Pass

WINDOW = Window(32633, 50000, 540000, 500, 500)
FIRST, LAST = date(2022, 1, 1), date(2022, 12, 31)


@pytest.fixture(scope="module")
def found(world) -> Footprints:
    return footprints(world, WINDOW, FIRST, LAST)


@pytest.fixture(scope="module")
def rows(found) -> pd.DataFrame:
    """Table and truth beside each other, with metres east and north of where the laser hit."""
    rows = found.table.to_pandas()
    truth = found.truth.to_pandas()
    assert (rows["shot_number"] == truth["shot_number"]).all()
    rows["true"], rows["expected"] = truth["agb"], truth["expected"]
    to_metres = Transformer.from_crs(4326, WINDOW.epsg, always_xy=True)
    rows["x"], rows["y"] = to_metres.transform(truth["lon"], truth["lat"])
    rows["told_x"], rows["told_y"] = to_metres.transform(rows["lon_lowestmode"], rows["lat_lowestmode"])
    rows["orbit"], rows["shot"] = rows["shot_number"] // 10**13, rows["shot_number"] % 10**8
    return rows


def test_a_footprint_is_the_same_in_any_window_and_any_days(world, found):
    part = footprints(world, Window(32633, 50117, 539871, 120, 132), date(2022, 3, 5), date(2022, 10, 1))
    assert part.table.num_rows > 100
    for one, other in ((found.table, part.table), (found.truth, part.truth)):
        one, other = one.to_pandas().set_index("shot_number"), other.to_pandas().set_index("shot_number")
        pd.testing.assert_frame_equal(one.loc[other.index], other, check_exact=True)


def test_overlapping_windows_share_footprints_that_count_once(world, found):
    left, right = Window(32633, 50000, 540000, 120, 100), Window(32633, 50060, 540000, 120, 90)
    parts = [footprints(world, window, FIRST, LAST) for window in (right, left)]
    both = merge(parts)
    assert both.table.num_rows < sum(part.table.num_rows for part in parts)
    assert both.table["shot_number"].to_pylist() == sorted(
        {shot for part in parts for shot in part.table["shot_number"].to_pylist()}
    )
    whole = found.truth.filter(np.isin(found.truth["shot_number"], both.truth["shot_number"]))
    assert both.truth.equals(whole)


def test_no_footprint_lies_north_of_the_station(world):
    assert footprints(world, Window(32633, 50000, 600000, 60, 60), FIRST, LAST).table.num_rows == 0


def test_beams_run_600_m_apart_with_a_footprint_every_60_m(rows):
    orbit = rows["orbit"].value_counts().index[0]
    one = rows[rows["orbit"] == orbit].sort_values("shot")
    beams = [part for _, part in one.groupby("beam") if len(part) > 20]
    assert len(beams) >= 4
    for beam in beams:
        near = np.diff(beam["shot"]) == 1
        steps = np.hypot(np.diff(beam["x"]), np.diff(beam["y"]))[near]
        np.testing.assert_allclose(steps, 60.0, rtol=0.01)
    line = beams[0]
    along = np.array([line["x"].iloc[-1] - line["x"].iloc[0], line["y"].iloc[-1] - line["y"].iloc[0]])
    normal = np.array([-along[1], along[0]]) / np.hypot(*along)
    off = [float(np.mean(beam[["x", "y"]].to_numpy() @ normal)) for beam in beams]
    gaps = np.abs(np.diff(sorted(off)))
    np.testing.assert_allclose(gaps / np.round(gaps / 600.0), 600.0, rtol=0.01)


def test_names_and_shot_numbers_are_l4as(rows):
    assert set(rows["beam"]) <= set(BEAMS)
    assert (rows["shot_number"] // 10**11 % 100 == rows["beam"].map(BEAMS)).all()
    assert rows["shot_number"].is_unique
    assert rows["shot"].max() < ROUND
    real = {"beam", "shot_number", "degrade_flag", "l4_quality_flag", "l2_quality_flag", "algorithm_run_flag"}
    real |= {"sensitivity", "lat_lowestmode", "lon_lowestmode", "elev_lowestmode", "tree_cover", "pft_class"}
    assert real | {"agbd", "agbd_se"} <= set(rows)


@pytest.mark.real
def test_the_real_tables_columns_are_ours_too_with_the_same_types(real_data, found):
    real = pq.read_schema(real_data / "biomass" / "gedi_l4a_italy.parquet")
    assert {field.name: field.type for field in real}.items() <= {
        field.name: field.type for field in found.table.schema
    }.items()


def test_the_location_error_is_shared_along_a_track(rows):
    off = rows.assign(east=rows["told_x"] - rows["x"], north=rows["told_y"] - rows["y"])
    within = off.groupby("orbit")[["east", "north"]].std().dropna()
    assert (within < 0.05).all(axis=None)


def test_the_location_error_is_about_ten_metres_and_degraded_passes_are_worse():
    passes = [Pass(orbit, 7) for orbit in range(3000, 6000)]
    far = np.array([np.hypot(*one.error) for one in passes])
    bad = np.array([one.degrade > 0 for one in passes])
    assert np.sqrt((far[~bad] ** 2).mean()) == pytest.approx(10.0, rel=0.05)
    assert 0.04 < bad.mean() < 0.08
    assert far[bad].mean() > 4 * far[~bad].mean()


def test_a_footprint_weighs_the_ground_by_a_gaussian_of_six_metres():
    layer = np.zeros((1, 21, 21), np.float32)
    layer[0, 10, 10] = 1.0
    points = np.linspace(8.0, 13.0, 101)
    weight = under(layer, np.full(101, 10.5), points)[0]
    assert (points * weight).sum() / weight.sum() == pytest.approx(10.5)
    spread = np.sqrt((((points - 10.5) * 10) ** 2 * weight).sum() / weight.sum())
    assert spread == pytest.approx(np.hypot(6.0, 10 / np.sqrt(12)), rel=0.02)  # with the pixel's own width
    assert under(layer + 1, np.array([10.3]), np.array([9.9]))[0, 0] > 1.0


def test_the_noise_of_good_footprints_grows_with_biomass_and_has_no_bias(found, rows):
    kept = rows[good(found.table)]
    off = kept["agbd"] - kept["true"]
    bins = [(kept["true"] >= low) & (kept["true"] < high) for low, high in ((2, 25), (25, 80), (80, 200), (200, 600))]
    assert min(inside.sum() for inside in bins) > 50
    spreads = [off[inside].std() for inside in bins]
    assert all(b > 1.3 * a for a, b in itertools.pairwise(spreads))
    for inside, spread in zip(bins, spreads, strict=True):
        assert abs(off[inside].mean()) < 3 * spread / np.sqrt(inside.sum()) + 1.0


def test_the_interval_holds_nine_truths_in_ten_and_agbd_se_says_nothing(found, rows):
    kept = rows[good(found.table) & (rows["true"] > 10) & rows["pft_class"].isin([1, 4, 5])]
    inside = (kept["agbd_pi_lower"] <= kept["true"]) & (kept["true"] <= kept["agbd_pi_upper"])
    assert inside.mean() == pytest.approx(0.90, abs=0.03)
    assert kept["agbd_se"].std() < 0.1
    small, large = kept["true"] < 60, kept["true"] > 200
    noise = ((kept["agbd"] - kept["true"]) / kept["agbd_se"]).groupby(large).std()
    assert noise[True] > 2 * ((kept["agbd"] - kept["true"]) / kept["agbd_se"])[small].std()


def test_coverage_beams_are_noisier_than_power_beams(found, rows):
    kept = rows[good(found.table) & (rows["true"] > 10)]
    root = (kept["agbd_t"] - np.sqrt(kept["true"])).groupby(
        kept["beam"].isin(["BEAM0101", "BEAM0110", "BEAM1000", "BEAM1011"])
    )
    assert root.std()[True] < 0.9 * root.std()[False]
    np.testing.assert_allclose(root.std(), [2.1, 1.6], rtol=0.1)


def test_what_the_flags_tell_to_drop_is_worse(found, rows):
    forest = rows["true"] > 60
    keep = pd.Series(good(found.table))
    assert 0.2 < keep.mean() < 0.6
    clear = (rows["l2_quality_flag"] == 1) & (rows["degrade_flag"] == 0) & (rows["leaf_off_flag"] == 0)
    low = clear & (rows["sensitivity"] < 0.9) & forest
    assert (rows["agbd"][low] / rows["true"][low]).mean() < 0.85  # under dense canopies it sees too little
    spoilt = (rows["algorithm_run_flag"] == 1) & (rows["l2_quality_flag"] == 0)
    assert (rows["agbd"] - rows["true"])[spoilt].std() > 3 * (rows["agbd"] - rows["true"])[keep].std()
    assert (rows["agbd"][rows["algorithm_run_flag"] == 0] == -9999).all()


def test_broadleaf_forest_without_leaves_seems_lighter(rows):
    forest = (rows["l4_quality_flag"] == 1) & (rows["pft_class"] == 4) & (rows["true"] > 60)
    ratio = (rows["agbd"] / rows["true"])[forest].groupby(rows["leaf_off_flag"][forest] == 1).mean()
    assert ratio[True] < 0.9 < ratio[False]


def test_the_truth_is_another_file(found, tmp_path):
    write_footprints(found, tmp_path / "l4a.parquet", tmp_path / "truth.parquet")
    assert not {"agb", "expected", "lon"} & set(pq.read_schema(tmp_path / "l4a.parquet").names)
    assert pq.read_table(tmp_path / "truth.parquet").equals(found.truth)


def test_another_seed_flies_other_tracks(world):
    window = Window(32633, 50000, 540000, 120, 120)
    one, other = (footprints(World(seed), window, FIRST, LAST).truth["lon"].to_pylist() for seed in (7, 8))
    assert len(one) > 100
    assert not set(one) & set(other)
