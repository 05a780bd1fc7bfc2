"""Values of rows are learned with an interval that holds in blocks that were not learned from."""

import numpy as np
import pandas as pd
import pytest

from swath.errors import LabelError
from swath.training.tables import PerceptronConfig, Table, TableSchema, ValueConfig, learn_values

FAST = ValueConfig(network=PerceptronConfig(members=3, width=32, dropout=0.2, epochs=150, lr=1e-2))
SCHEMA = TableSchema(features=("a", "b", "c"), x="x", y="y", crs="EPSG:32110", target="y_true")


def rows(truth, *, count=400, seed=0, noise=0.3, schema=SCHEMA):
    """Rows with a target of three columns and noise, over 40 x 40 places."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(0, 1, (count, 3)), columns=["a", "b", "c"])
    frame["x"], frame["y"] = random.uniform(0, 40, (2, count))
    frame["y_true"] = truth(frame) + noise * random.normal(0, 1, count)
    return Table.of(frame, schema)


def curved(frame):
    return 3 * np.abs(frame["a"])


def straight(frame):
    return 2 * frame["a"] - frame["b"]


def r2(table, said):
    return 1 - ((table.target - said.mean) ** 2).mean() / table.target.var()


@pytest.fixture(scope="module")
def model():
    known = rows(curved)
    return learn_values(known, known.blocks(10), FAST)


def test_networks_add_what_a_line_cannot_tell(model):
    new = rows(curved, seed=1)
    assert model.share > 0.8
    assert r2(new, model.predict(new)) > 0.8


def test_the_interval_holds_as_many_new_rows_as_it_says(model):
    new = rows(curved, seed=1, count=2000)
    said = model.predict(new)
    inside = (new.target >= said.low) & (new.target <= said.high)
    assert 0.85 < inside.mean() < 0.95


def test_where_the_truth_is_a_line_the_mean_is_as_good_as_a_line():
    known, new = rows(straight, noise=2.0, count=200), rows(straight, noise=0.0, seed=1)
    model = learn_values(known, known.blocks(10), FAST)
    line = np.linalg.lstsq(np.c_[known.values, np.ones(200)], known.target, rcond=None)[0]
    of_line = 1 - ((np.c_[new.values, np.ones(400)] @ line - new.target) ** 2).mean() / new.target.var()
    assert r2(new, model.predict(new)) > of_line - 0.03


def test_a_wider_level_makes_a_wider_interval(model):
    known = rows(curved)
    wide = learn_values(known, known.blocks(10), FAST.model_copy(update={"level": 0.98}))
    assert wide.reach > 1.2 * model.reach
    assert wide.spread == pytest.approx(model.spread)


def test_nothing_is_said_beyond_what_can_be(model):
    known = rows(curved)
    kept = learn_values(known, known.blocks(10), FAST.model_copy(update={"low": 1.0, "high": 4.0})).predict(known)
    assert model.predict(known).low.min() < 1
    assert kept.low.min() == 1 and kept.high.max() == 4 and kept.mean.max() <= 4


def test_the_same_seed_learns_the_same(model):
    known = rows(curved)
    again = learn_values(known, known.blocks(10), FAST)
    assert np.array_equal(again.predict(known).mean, model.predict(known).mean)


def test_rows_of_two_blocks_are_refused():
    known = rows(curved)
    with pytest.raises(LabelError, match="lie in 2 blocks"):
        learn_values(known, np.arange(len(known)) % 2, FAST)


def test_a_target_without_numbers_is_refused_with_its_values():
    known = rows(curved)
    words = Table(known.schema, known.values, known.xy, np.array(["oak"] * len(known)), known.weight, None)
    with pytest.raises(LabelError, match=r"400 rows .* no finite number: oak"):
        learn_values(words, known.blocks(10), FAST)


def test_a_target_that_never_varies_is_refused():
    known = rows(lambda frame: 5.0 + 0 * frame["a"], noise=0.0)
    with pytest.raises(LabelError, match="5 in all 400"):
        learn_values(known, known.blocks(10), FAST)
