"""Figures of blocks that a training of species never saw."""

import numpy as np
import pandas as pd
import pytest

from swath.errors import LabelError
from swath.training.species import SpeciesConfig
from swath.training.species.transfer import transfer
from swath.training.splits import SplitSpec
from swath.training.tables import Table, TableSchema

CONFIG = SpeciesConfig.parse(
    {"network": {"members": 0}, "forest": {"trees": 10}, "boosted": None, "place": False, "window": 16}
)
SPLIT = SplitSpec(block_m=20_000, buffer_m=0, folds=3)


def places(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {"lon": random.uniform(10, 12, rows), "lat": random.uniform(50, 51, rows), "rain": random.normal(0, 1, rows)}
    )


def tables() -> tuple[Table, Table]:
    """A species of rain, one of anywhere, and one with three records."""
    rows, anywhere = places(600, 0), places(100, 1)
    made = [rows[rows.rain > 1].assign(sp="wet"), anywhere.assign(sp="any"), anywhere.head(3).assign(sp="rare")]
    columns = {"features": ("rain",), "x": "lon", "y": "lat"}
    return (
        Table.of(pd.concat(made), TableSchema(**columns, target="sp")),
        Table.of(places(600, 2), TableSchema(**columns)),
    )


def test_a_species_that_follows_a_predictor_is_told_in_blocks_never_seen_and_one_that_does_not_is_not():
    found = transfer(*tables(), CONFIG, split=SPLIT)
    assert found.auc["wet"] > 0.9
    assert found.auc_target_group["wet"] > 0.8
    assert abs(found.auc["any"] - 0.5) < 0.2


def test_a_species_with_few_records_has_no_figure_and_a_reason():
    found = transfer(*tables(), CONFIG, split=SPLIT)
    assert "rare" not in found.auc
    assert "rare" in found.not_scored


def test_records_in_the_buffer_are_counted():
    wide = SPLIT.model_copy(update={"buffer_m": 10_000.0})
    assert transfer(*tables(), CONFIG, split=wide).near > 0


def test_a_fold_that_does_not_exist_is_refused():
    with pytest.raises(LabelError, match="no fold 3 of 3"):
        transfer(*tables(), CONFIG, split=SPLIT, test=3)
