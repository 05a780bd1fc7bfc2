"""GEDI L4A: as published, filtered, with noise, in whole tracks; another product or version is refused."""

from datetime import date

import h5py
import numpy as np
import pandas as pd
import pytest

from swath.errors import LabelError
from swath.grid import Area, Period
from swath.synthetic import Window, World
from swath.synthetic.footprints import footprints, write_footprints
from swath.training import Reason, SplitSpec
from swath.training.gedi import GediFilter, gedi_labels

AREA = Area.parse("-60.2,-3.2,-59.8,-2.8")
PERIOD = Period.parse("2020/P1Y")
DAY = 86400.0


def shots(n=400, seed=3):
    """Footprints of four orbits and two beams in the Amazon, all good, biomass in the fit's square roots."""
    draw = np.random.default_rng(seed)
    orbit, beam = np.arange(n) % 4 + 5433, np.arange(n) % 2 * 11
    root = draw.uniform(2, 18, n)
    return pd.DataFrame(
        {
            "shot_number": orbit * 10**13 + beam * 10**11 + 3 * 10**8 + np.arange(n),
            "lat_lowestmode": draw.uniform(-3.15, -2.85, n), "lon_lowestmode": draw.uniform(-60.15, -59.85, n),
            "agbd_t": root, "agbd_t_se": draw.uniform(1, 3, n), "agbd": 1.1 * root**2, "agbd_se": 7.6,
            "agbd_pi_lower": 1.1 * (root - 1) ** 2, "agbd_pi_upper": 1.1 * (root + 1) ** 2,
            "l4_quality_flag": 1, "degrade_flag": 0, "sensitivity": 0.99, "pft_class": 2, "leaf_off_flag": 0,
            "delta_time": 800 * DAY + np.arange(n),
        }
    )  # fmt: skip


def written(frame, folder, name="l4a.parquet"):
    path = folder / name
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


def granule(frame, folder, name="GEDI04_A_2020071_O05433_V002.h5", **attributes):
    """A file as published: a group a beam, land cover in a group of its own."""
    with h5py.File(folder / name, "w") as file:
        told = file.create_group("METADATA/DatasetIdentification").attrs
        for key, value in {"shortName": "GEDI_L4A", "VersionID": "02", **attributes}.items():
            told[key] = value
        for beam, rows in frame.groupby(frame.shot_number // 10**11 % 100):
            group = file.create_group(f"BEAM{beam:04b}")
            for column in rows:
                place = f"land_cover_data/{column}" if column in ("pft_class", "leaf_off_flag") else column
                group[place] = rows[column].to_numpy()
    return folder / name


def read(path, **rules):
    return gedi_labels(path, area=AREA, period=PERIOD, rules=GediFilter(**rules))


def test_a_granule_and_a_table_give_the_same_labels(tmp_path):
    frame = shots()
    one, other = read(granule(frame, tmp_path)), read(written(frame, tmp_path))
    assert len(one) == len(frame)
    assert one.digest == other.digest
    assert one.value.unit == "Mg/ha"
    assert one.footprint_m == 12.5
    assert str(one.start[0])[:10] == "2020-03-11"


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("l4_quality_flag", [0], Reason.QUALITY),
        ("degrade_flag", [3, 70], Reason.DEGRADED),
        ("sensitivity", [0.9, 0.95, 0.98, np.nan], Reason.SENSITIVITY),
        ("leaf_off_flag", [1], Reason.LEAF_OFF),
        ("lat_lowestmode", [51.7, -51.9], Reason.LATITUDE),
        ("agbd", [-9999.0], Reason.BELOW),
        ("agbd", [np.nan, np.nan], Reason.WITHOUT_VALUE),
        ("delta_time", [10 * DAY], Reason.OUTSIDE_PERIOD),
        ("lon_lowestmode", [-50.0], Reason.OUTSIDE_AREA),
    ],
)
def test_a_footprint_that_does_not_pass_is_dropped_and_counted(column, values, reason, tmp_path):
    frame = shots()
    frame[column] = frame[column].astype(float)
    frame.loc[: len(values) - 1, column] = values
    labels = read(written(frame, tmp_path))
    assert labels.dropped[reason] == len(values)
    assert len(labels) == len(frame) - len(values)


def test_evergreen_broadleaf_forest_of_the_tropics_needs_more_sensitivity(tmp_path):
    frame = shots().assign(sensitivity=0.97)
    frame.loc[:99, "pft_class"] = 4
    labels = read(written(frame, tmp_path))
    assert len(labels) == 100
    assert labels.dropped[Reason.SENSITIVITY] == 300


def test_noise_is_that_of_the_square_of_the_fit_and_never_agbd_se(tmp_path):
    frame = shots().sort_values("agbd")
    labels = read(written(frame, tmp_path))
    draws = np.random.default_rng(0).normal(size=20_000)
    order = np.argsort(labels.values)
    for n in (0, 200, 399):
        row = frame.iloc[n]
        expected = (1.1 * (row.agbd_t + row.agbd_t_se * draws) ** 2).std()
        assert labels.errors[order[n]] == pytest.approx(expected, rel=0.03)
    assert not np.isclose(labels.errors, 7.6).any()


def test_without_the_fit_noise_is_that_of_the_prediction_interval(tmp_path):
    frame = shots()
    labels = read(written(frame.drop(columns=["agbd_t", "agbd_t_se"]), tmp_path))
    expected = (frame.agbd_pi_upper - frame.agbd_pi_lower) / (2 * 1.6449)
    assert np.allclose(np.sort(labels.errors), np.sort(expected), rtol=1e-4)


def test_without_either_there_is_no_error_and_that_is_said(tmp_path):
    frame = shots()[["shot_number", "lat_lowestmode", "lon_lowestmode", "agbd", "agbd_se", "l4_quality_flag",
                     "degrade_flag", "sensitivity"]]  # fmt: skip
    labels = read(written(frame, tmp_path))
    assert labels.errors is None
    text = " ".join(labels.notes)
    assert "no standard error (agbd_se is none)" in text
    assert "no leaf_off_flag" in text and "no delta_time" in text and "no pft_class" in text


def test_weights_may_follow_the_error(tmp_path):
    labels = read(written(shots(), tmp_path), weight_by_error=True)
    order = np.argsort(labels.errors)
    assert (np.diff(labels.weights[order]) <= 1e-6).all()
    assert np.median(labels.weights) == pytest.approx(0.5, abs=0.01)


def test_a_folder_of_granules_is_read_as_one_and_a_shot_in_two_of_them_counts_once(tmp_path):
    folder = tmp_path / "granules"
    folder.mkdir()
    frame = shots()
    elsewhere = frame.head(50).assign(lon_lowestmode=20.0, shot_number=lambda rows: rows.shot_number + 10**13 * 7)
    for name, rows in (("a", frame.head(250)), ("b", frame.tail(160)), ("c", elsewhere)):
        granule(rows, folder, f"GEDI04_A_{name}_V002.h5")
    labels = read(folder)
    assert len(labels) == 400
    assert labels.dropped.to_dict() == {Reason.OUTSIDE_AREA.value: 50, Reason.TWICE.value: 10}
    assert labels.digest == read(written(frame, tmp_path)).digest
    (tmp_path / "empty").mkdir()
    with pytest.raises(LabelError, match="holds no granule or table"):
        read(tmp_path / "empty")


@pytest.mark.parametrize("track", ["orbit", "beam"])
def test_no_track_is_learned_from_and_tested_on_at_once(track, tmp_path):
    labels = read(written(shots(), tmp_path), track=track)
    assert len(set(labels.groups)) == 4
    split = SplitSpec(folds=2, block_m=5000, seed=1)
    folds, barred = labels.folds(split), split.barred(labels.places, labels.groups)
    for fold in range(2):
        tested, trained = folds == fold, (folds != fold) & (barred & (1 << fold) == 0)
        assert tested.any() and trained.any()
        assert not set(labels.groups[tested]) & set(labels.groups[trained])


def test_another_version_is_refused_by_its_attributes_or_name(tmp_path):
    with pytest.raises(LabelError, match="is version 01 of GEDI L4A; footprints of version 2 differ"):
        read(granule(shots(), tmp_path, VersionID="01"))
    with pytest.raises(LabelError, match="is GEDI_L2A, not GEDI L4A version 2"):
        read(granule(shots(), tmp_path, shortName="GEDI_L2A"))


@pytest.mark.parametrize(
    ("column", "product"), [("rh98", "GEDI L2A"), ("pai", "GEDI L2B"), ("rxwaveform", "GEDI L1B"), ("wsci", "GEDI L4C")]
)
def test_another_product_is_told_by_its_columns(column, product, tmp_path):
    frame = shots().drop(columns=["agbd", "l4_quality_flag"]).assign(**{column: 1.0})
    with pytest.raises(LabelError, match=f"lacks columns of GEDI L4A version 2: agbd, .*looks like {product}"):
        read(written(frame, tmp_path))


def test_a_table_without_the_flags_is_refused_with_what_it_lacks(tmp_path):
    with pytest.raises(LabelError, match=r"l4_quality_flag; it is a version of L4A before the first release, or a tab"):
        read(written(shots().drop(columns="l4_quality_flag"), tmp_path))


def test_swapped_axes_are_said(tmp_path):
    frame = shots().rename(columns={"lat_lowestmode": "lon_lowestmode", "lon_lowestmode": "lat_lowestmode"})
    near_equator = Area.parse("10,2,10.4,2.4")
    frame["lat_lowestmode"], frame["lon_lowestmode"] = 10.2, np.linspace(2.1, 2.3, len(frame))
    with pytest.raises(LabelError, match="with x and y swapped they do"):
        gedi_labels(written(frame, tmp_path), area=near_equator, period=PERIOD)


@pytest.mark.real
def test_the_footprints_of_italy_are_filtered_as_science_says(real_data):
    path = real_data / "biomass" / "gedi_l4a_italy.parquet"
    labels = gedi_labels(path, area=Area.parse("6,36,19,48"), period=PERIOD, rules=GediFilter(track="beam"))
    raw = pd.read_parquet(path)
    good = raw[(raw.l4_quality_flag == 1) & (raw.degrade_flag == 0) & (raw.sensitivity > 0.95)]
    assert len(labels) == len(good.drop_duplicates(["lat_lowestmode", "lon_lowestmode", "agbd"]))
    assert sum(number for reason, number in labels.dropped.counts.items() if reason.is_loss) == len(raw) - len(labels)
    assert len(set(labels.groups)) == good.beam.nunique()


def test_the_noise_that_is_told_is_that_of_the_simulated_earths_footprints(tmp_path):
    found = footprints(World(7), Window(32633, 50000, 540000, 400, 400), date(2022, 1, 1), date(2022, 12, 31))
    write_footprints(found, tmp_path / "told.parquet", tmp_path / "truth.parquet")
    table = found.table.to_pandas()
    lon, lat = table.lon_lowestmode, table.lat_lowestmode
    area = Area.parse(f"{lon.min() - 0.01},{lat.min() - 0.01},{lon.max() + 0.01},{lat.max() + 0.01}")
    labels = gedi_labels(tmp_path / "told.parquet", area=area, period=Period.parse("2022/P1Y"))
    truth = {
        (round(x, 7), round(y, 7)): true for x, y, true in zip(lon, lat, found.truth["agb"].to_pylist(), strict=True)
    }
    true = np.array([truth[round(x, 7), round(y, 7)] for x, y in labels.places.tolist()])
    forest = labels.values > 20
    off = ((labels.values - true) / labels.errors)[forest]
    assert forest.sum() > 150
    assert 0.8 < off.std() < 1.3
    assert abs(off.mean()) < 0.25
