"""Golden numbers: what the predictor gives does not change without `swath.models.PIXELS` being raised.

Networks rest on floating point, which differs in its last digits between processors: numbers are held to 1e-4, which is
a fortieth of a step of a published probability.
"""

from __future__ import annotations

import numpy as np
import pytest

from support.tiny_models import REFLECTANCE, model_spec, tiny_package
from swath.cube.lattice import Window
from swath.models import PIXELS
from swath.models.cubes import ModelCube
from swath.models.predictor import Predictor
from swath.models.sampling import Axis, Sampling

#: The `PIXELS` for which the numbers below were recorded.
RECORDED = 1
NODATA = float("nan")
NUMBERS = {
    "touching": [0.07627, 0.07236, 0.00858, 0.02572, 0.63565, 0.61845, 0.27284, 0.53957, 0.69549, 0.68517],
    "blended": [0.07627, 0.07236, 0.00858, 0.02572, 0.63565, 0.61845, 0.27284, 0.53957, 0.69549, 0.68517],
    "dated": [0.01401, 0.01185, 0.00841, 0.00326, 0.61158, 0.31154, 0.14203, 0.98184, 0.51236, 0.76928],
    "finer": [0.06562, 0.08078, 0.05448, 0.02975, 0.21975, 0.36494, 0.22869, 0.64792, 0.55999, 0.3965],
    "coarser": [0.04385, 0.04516, 0.05173, 0.04291, 0.3793, NODATA, 0.42568, 0.61033, 0.65812, 0.49364],
}

CHANGED = """The predictor's numbers of {names} are not those recorded for PIXELS = {recorded}.
Not meant? Then the last change of the code (or of a pinned package) broke them: undo it.
Meant? Then raise PIXELS in platform/swath/models/__init__.py by one, so that tiles made before count as older, say in
CHANGELOG.md what changed, and record here: RECORDED = {pixels}, and
{new}"""


def pattern(steps: int, shape: tuple[int, int] = (72, 80)) -> np.ndarray:
    """Numbers that look random and depend on no library: multiplicative hashing (Knuth, TAOCP 3, 6.4)."""
    place = np.arange(steps * 2 * shape[0] * shape[1], dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    numbers = (place >> np.uint64(40)) % np.uint64(4000) + np.uint64(1000)
    numbers = numbers.astype(np.uint16).reshape(steps, 2, *shape)
    numbers[:, :, 30:36, 40:50] = 0
    return numbers


def predicted(folder, *, cube_steps: int = 1, **given) -> np.ndarray:
    predictor = Predictor(tiny_package(folder, model_spec(**given)), threads=1)
    layers = tuple(tuple(band for band in step) for step in pattern(cube_steps))
    cube = ModelCube(layers, (REFLECTANCE,) * 2, np.arange(1, cube_steps + 1, dtype=np.float32) * 40, (-8, 24))
    return predictor.predict(cube, Window(8, 64, 8, 72))


def resampled(values: np.ndarray, ratio: float, size: int) -> np.ndarray:
    rows, cols = (Axis.of(0.5, ratio, size, values.shape[axis]) for axis in (1, 2))
    out = np.empty((values.shape[0], size, size), np.float32)
    for row, strip in Sampling(rows, cols).strips([(0, values[:, :20]), (20, values[:, 20:])]):
        out[:, row : row + strip.shape[1]] = strip
    return out


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, list[float]]:
    folder = tmp_path_factory.mktemp("golden")
    touching = predicted(folder / "touching")
    dated = {"steps": 3, "layout": "NTCHW", "day_of_year": True, "valid": True}
    made = {
        "touching": touching,
        "blended": predicted(folder / "blended", margin=2),
        "dated": predicted(folder / "dated", cube_steps=3, **dated),
        "finer": resampled(touching, 0.5, 60),
        "coarser": resampled(touching, 3.0, 16),
    }
    return {
        name: [round(float(v), 5) for v in values.ravel()[:: values.size // 10][:10]] for name, values in made.items()
    }


def changed(names: list[str], new: str) -> str:
    return CHANGED.format(names=", ".join(names), recorded=RECORDED, pixels=max(PIXELS, RECORDED + 1), new=new)


def test_numbers_stand_as_long_as_their_version_does(found):
    wrong = [
        name
        for name, values in found.items()
        if not np.allclose(values, NUMBERS[name], atol=1e-4, rtol=0, equal_nan=True)
    ]
    assert not wrong, changed(wrong, "\n".join(f'    "{name}": {found[name]},' for name in wrong))


def test_the_numbers_were_recorded_for_this_version():
    assert PIXELS == RECORDED, changed(["no case at all"], "    the new numbers, after a look at why they changed")
