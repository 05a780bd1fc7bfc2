"""How hard and how alike the simulated Earth is: by a plain peer, and by the real scene."""

from datetime import date

import lightgbm
import numpy as np
import pytest
from odc.geo.geobox import GeoBox

from swath.synthetic import BANDS, Window, World
from swath.synthetic.files import affine


def box(window: Window, factor: int = 1) -> GeoBox:
    shape = (window.rows // factor, window.cols // factor)
    return GeoBox(shape, affine(window, factor), f"EPSG:{window.epsg}")


def accuracy(x: np.ndarray, y: np.ndarray, fold: np.ndarray) -> float:
    """Overall accuracy of boosted trees on pixels, each fold predicted from the others."""
    right = 0
    for one in np.unique(fold):
        train, test = fold != one, fold == one
        data = lightgbm.Dataset(x[train], np.unique(y, return_inverse=True)[1][train])
        settings = {"objective": "multiclass", "num_class": len(np.unique(y)), "num_leaves": 15, "num_threads": 1}
        trees = lightgbm.train(settings | {"verbosity": -1, "min_data_in_leaf": 20}, data, num_boost_round=60)
        right += (np.unique(y)[trees.predict(x[test]).argmax(1)] == y[test]).sum()
    return right / len(y)


def test_a_pixel_classifier_does_middling_in_blocks_and_a_random_split_flatters_it():
    world, random = World(8, keep=1), np.random.default_rng(0)
    x, y, block = [], [], []
    for row in range(6):
        for col in range(6):  # 90 km by 90 km, six blocks of 30 by 45 km
            window = box(Window(32633, 45000 + 1500 * col, 570000 - 1500 * row, 64, 64))
            pick = random.choice(64 * 64, 120, replace=False)
            x.append(world.reflectance(window, date(2023, 7, 20)).reshape(len(BANDS), -1)[:, pick].T)
            y.append(world.landcover(window, 2023).ravel()[pick])
            block.append(np.full(120, row // 2 * 2 + col // 3))
    values = np.concatenate(x) + random.normal(0, 0.004, (36 * 120, len(BANDS)))
    blocked = accuracy(values, np.concatenate(y), np.concatenate(block))
    shuffled = accuracy(values, np.concatenate(y), random.integers(0, 6, len(values)))
    assert 0.5 < blocked < 0.85
    assert 0.05 < shuffled - blocked < 0.25


def statistics(data: np.ndarray) -> tuple[float, float, float]:
    """Mean, standard deviation, correlation of neighbours in a row."""
    return float(data.mean()), float(data.std()), float(np.corrcoef(data[:, 1:].ravel(), data[:, :-1].ravel())[0, 1])


@pytest.mark.real
def test_marginals_and_correlation_lie_near_the_real_scenes(real_data, world):
    import rasterio

    folder = next((real_data / "sentinel-2-l1c").glob("S2A_*"))
    window = Window(32633, 50000, 540000, 480, 480)  # a lowland of fields and forest, as the real one is
    # real numbers are of the top of the atmosphere, with some cloud and frozen lakes: near is within a factor of 2.5
    for band, factor in (("B04", 1), ("B08", 1), ("B11", 2), ("B12", 2)):
        with rasterio.open(folder / f"{band}.tif") as file:
            real = statistics(file.read(1) / 1e4)
        ours = statistics(world.reflectance(box(window, factor), date(2017, 2, 16), (band,))[0])
        assert 0.4 < ours[0] / real[0] < 2.5, (band, ours, real)
        assert 0.4 < ours[1] / real[1] < 2.5, (band, ours, real)
        assert abs(ours[2] - real[2]) < 0.12, (band, ours, real)
