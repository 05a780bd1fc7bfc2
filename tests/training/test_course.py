"""A training ends with a package in its store, on a disk or on S3; a peer must be of the same chips."""

import pytest

from swath.errors import ModelError
from swath.models import Package, Provenance
from swath.settings import settings
from swath.store import Store
from swath.training.course import _check_peer, _release
from swath.training.fit import fit
from swath.training.recipe import Recipe
from training.toy import Toy, config

PROVENANCE = Provenance(licence="CC0-1.0", labels=("toy labels",))


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SWATH_CACHE", str(tmp_path / "cache"))
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_on_s3_the_package_lies_beside_its_checkpoints_and_opens_where_it_is_fetched(s3, own_cache, tmp_path):
    store = Store.open(f"{s3}/training")
    fitted = fit(config(epochs=1), Toy(), store.url("fit"), name="toy")
    held = {"fold 0": {"macro_f1": 0.5}}
    package, url = _release(fitted, store, provenance=PROVENANCE, held_out=held, replace=False)
    assert url == f"{s3}/training/package"
    for key, _ in store.list("package"):
        target = tmp_path / "fetched" / key.removeprefix("package/")
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(store.read_bytes(key))
    assert Package.open(tmp_path / "fetched").digest == package.digest
    with pytest.raises(ModelError, match="holds a package already"):
        _release(fitted, store, provenance=PROVENANCE, held_out=held, replace=False)
    assert _release(fitted, store, provenance=PROVENANCE, held_out=held, replace=True)[1] == url


def test_a_peer_needs_folds():
    with pytest.raises(ModelError, match="compared over all folds"):
        _check_peer(Recipe(), Recipe(), folds=False)


@pytest.mark.parametrize("change", ["bands=[B04]", "labels.erode_m=5", "chips.per_polygon=7"])
def test_a_peer_of_other_chips_is_refused_naming_what_differs(change):
    with pytest.raises(ModelError, match=f"other {change.split('=')[0].split('.')[0]}"):
        _check_peer(Recipe(), Recipe().with_overrides([change]), folds=True)


def test_a_peer_may_train_otherwise():
    _check_peer(Recipe(), Recipe().with_overrides(["train.epochs=3", "test=2"]), folds=True)
