"""Field plots are a probability sample, measured with a stated error."""

import csv

import numpy as np
import pytest

from swath.synthetic import Window
from swath.synthetic.biomass import agb
from swath.synthetic.plots import Plot, plots, total, write_plots

WINDOW = Window(32633, 50000, 540000, 500, 500)


@pytest.fixture(scope="module")
def sample(world) -> list[Plot]:
    return plots(world, WINDOW, 2022, spacing_m=250)


def test_a_plot_is_the_same_in_any_window(world, sample):
    part = plots(world, Window(32633, 50100, 539900, 150, 150), 2022, spacing_m=250)
    assert len(part) > 20
    assert set(part) <= set(sample)


def test_a_few_hundred_plots_estimate_the_total_without_bias(world, sample):
    assert 300 < len(sample) < 500
    mass = agb(world.seed, WINDOW, world.ground(WINDOW, 2022), 2022)
    hectares = WINDOW.rows * WINDOW.cols / 100
    found = np.mean([plot.agb for plot in sample]) * hectares
    error = np.std([plot.agb for plot in sample]) / np.sqrt(len(sample)) * hectares
    assert abs(found - mass.mean() * hectares) < 2.5 * error
    assert total(sample) == pytest.approx(found, rel=0.1)  # plots at the rim belong to the neighbour


def test_the_standard_error_is_that_of_the_measurement(sample):
    stands = [plot for plot in sample if plot.true > 5]
    score = np.array([(plot.agb - plot.true) / plot.agb_se for plot in stands])
    assert len(stands) > 80
    assert score.std() == pytest.approx(1.0, abs=0.15)
    assert abs(score.mean()) < 0.3


def test_the_truth_is_another_file(sample, tmp_path):
    write_plots([*sample, *sample[:5]], tmp_path / "plots.csv", tmp_path / "truth.csv")
    with open(tmp_path / "plots.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["plot", "lon", "lat", "year", "agb", "agb_se", "weight"]
    assert len(rows) == len(sample)
    with open(tmp_path / "truth.csv", encoding="utf-8") as file:
        truth = {row["plot"]: float(row["true"]) for row in csv.DictReader(file)}
    assert truth[sample[0].plot] == sample[0].true
