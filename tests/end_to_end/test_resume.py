"""Going on: what stands is left alone, what is missing is made, what nothing refers to goes."""

import json
import shutil

import pytest

import swath.cube
from support.command import swath as command
from support.small_world import change_item, fingerprints, layer_bytes

INLINE = ("--cluster", "inline")


@pytest.fixture
def store(mapped, tmp_path):
    """A store of one's own with the small world's map."""
    shutil.copytree(mapped, tmp_path / "store")
    return tmp_path / "store"


def published_files(store):
    """Every file that the collection refers to, through its items."""
    root = store / "mosaic" / "1.0"
    collection = json.loads((root / "collection.json").read_text())
    items = [root / link["href"] for link in collection["links"] if link["rel"] == "item"]
    return items + [
        item.parent / asset["href"] for item in items for asset in json.loads(item.read_text())["assets"].values()
    ]


def keys(store):
    return sorted(path.stem for path in store.glob("mosaic/1.0/2023-*/*/*.json"))


def test_a_second_map_finds_all_and_changes_no_byte(small_world, mapped, store):
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*.tif")}
    code, result = small_world.map(store)
    assert code == 0
    assert result["units"] == {"done": 0, "found": 4, "failed": 0, "without_input": 0}
    assert fingerprints(store) == fingerprints(mapped)
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*.tif")} == before


def test_a_unit_that_was_deleted_is_made_again(small_world, mapped, store):
    shutil.rmtree(next(store.glob("mosaic/1.0/2023-06/*/*.json")).parent)
    code, result = small_world.map(store)
    assert (code, result["units"]["done"], result["units"]["found"]) == (0, 1, 3)
    assert fingerprints(store) == fingerprints(mapped)


def test_a_unit_without_its_item_is_not_made(small_world, mapped, store):
    next(store.glob("mosaic/1.0/2023-07/*/*.json")).unlink()
    code, result = small_world.map(store)
    assert (code, result["units"]["done"]) == (0, 1)
    assert fingerprints(store) == fingerprints(mapped)


def test_a_wider_area_makes_only_what_is_new_and_publishes_the_whole(small_world, mapped, tmp_path):
    """A unit is the same whatever area selected it."""
    store = tmp_path / "store"
    code, first = small_world.map(store, "--area", "12.501,47.703,12.502,47.704")
    assert code == 0, first
    assert first["units"]["done"] == 2
    code, second = small_world.map(store)
    assert code == 0, second
    assert (second["units"]["done"], second["units"]["found"]) == (2, 2)
    assert fingerprints(store) == fingerprints(mapped)


def test_map_goes_by_the_frozen_items_of_its_plan(small_world, mapped, tmp_path):
    world, store = small_world.copy(tmp_path / "earth"), tmp_path / "store"
    code, plan = command("plan", *world.request(store))
    assert code == 0
    assert (plan["units"], plan["tiles"], plan["without_input"]) == (4, 2, 0)
    assert plan["bytes"] > 0
    assert not list(store.rglob("*.tif"))
    catalog = json.loads(world.catalog.read_text())
    catalog["links"] = [link for link in catalog["links"] if link["rel"] != "child"]
    world.catalog.write_text(json.dumps(catalog))
    code, result = world.map(store)
    assert code == 0, result
    assert result["run"] == plan["run"]
    assert layer_bytes(store) == layer_bytes(mapped)


def test_plan_twice_is_one_plan(small_world, tmp_path):
    first, second = (command("plan", *small_world.request(tmp_path / "store"))[1] for _ in range(2))
    assert first == second


def test_plan_lists_tiles_without_input(small_world, tmp_path):
    code, plan = command("plan", *small_world.request(tmp_path / "store", "--area", "12.44,47.70,12.515,47.71"))
    assert code == 0
    assert plan["without_input"] == len(plan["tiles_without_input"]) > 0
    assert all("utm33n-10m-192-" in unit for unit in plan["tiles_without_input"])


def test_status_tells_how_each_run_stands(small_world, store):
    command("plan", *small_world.request(store, "--period", "2023-06/P1M"))
    code, told = command("status", store)
    assert code == 0
    states = {(run["period"], run["state"], run["done"], run["total"]) for run in told["runs"]}
    assert states == {("2023-06/2023-07/P1M", "done", 4, 4), ("2023-06/P1M", "planned", 0, 2)}


def test_retry_has_nothing_to_do_where_all_is_made(store):
    assert command("retry", store, *INLINE) == (0, {"runs": []})


def test_retry_carries_out_a_plan_that_was_only_made(small_world, mapped, tmp_path):
    command("plan", *small_world.request(tmp_path / "store"))
    code, result = command("retry", tmp_path / "store", *INLINE)
    assert (code, result["units"]["done"]) == (0, 4)
    assert layer_bytes(tmp_path / "store") == layer_bytes(mapped)


def test_a_failure_that_was_noted_of_a_unit_that_stands_is_forgotten(small_world, store):
    """Another run made the unit, or the driver died after the unit was committed and before it was noted."""
    (run,) = (path.parent for path in store.glob("mosaic/1.0/runs/*/run.json"))
    item = json.loads(next(store.glob("mosaic/1.0/2023-*/*/*.json")).read_text())
    record = run / "failed" / f"{item['id']}.json"
    record.parent.mkdir()
    record.write_text(json.dumps({"unit": item["id"], "error": {"message": "long ago"}}))
    code, result = small_world.map(store)
    assert (code, result["units"]["failed"], result["failures"]) == (0, 0, [])
    assert not record.exists()


def test_clean_deletes_leftovers_and_nothing_that_is_published(store):
    before = fingerprints(store)
    unit = next(store.glob("mosaic/1.0/2023-06/*/*.json")).parent
    other_key = unit / "B04.0123456789ab.tif"
    half = store / "mosaic/1.0/2023-07/utm33n-10m-192-x1-y1/B04.ba9876543210.tif"
    half.parent.mkdir(parents=True)
    for path in (other_key, half):
        path.write_bytes(b"half-writ")
    code, told = command("clean", store, "--dry-run")
    assert (code, len(told["removed"]), told["bytes"]) == (0, 2, 18)
    assert other_key.exists()
    code, told = command("clean", store)
    assert code == 0
    assert sorted(told["removed"]) == sorted(str(path.relative_to(store)) for path in (other_key, half))
    assert fingerprints(store) == before


@pytest.mark.parametrize("state", ["running", "stopped", "done"])
def test_clean_keeps_units_that_are_made_and_not_published_yet(store, state):
    """A driver was killed, or found the store full, before it could publish."""
    (progress,) = store.glob("mosaic/1.0/runs/*/progress.json")
    told = json.loads(progress.read_text()) | {"state": state}
    progress.write_text(json.dumps(told))
    for name in ("collection.json", "items.parquet"):
        (store / "mosaic/1.0" / name).unlink()
    assert command("clean", store)[1]["removed"] == []


def test_clean_keeps_what_the_last_run_published_over_an_earlier_one(small_world, tmp_path):
    """Whichever of the two runs comes first by its id."""
    store = tmp_path / "store"
    worlds = [small_world.copy(tmp_path / name) for name in ("one", "two")]
    for scene in worlds[1].scenes:
        change_item(scene, lambda item: item["properties"].update(updated="2024-01-01T00:00:00Z"))
    for world in (*worlds, *worlds):
        code, result = world.map(store, "--period", "2023-06/P1M")
        assert code == 0, result
        told = command("clean", store)[1]
        assert all(path.is_file() for path in published_files(store))
        assert len(keys(store)) == 2
        assert not [name for name in told["removed"] if (store / name) in published_files(store)]


class TestOlderCode:
    """The code's pixels have changed since the map was made."""

    @pytest.fixture(autouse=True)
    def newer_code(self, store, monkeypatch):
        monkeypatch.setattr(swath.cube, "PIXELS", swath.cube.PIXELS + 1)

    def test_map_says_how_many_units_are_older_and_does_nothing(self, small_world, mapped, store):
        code, result = small_world.map(store)
        assert code == 2
        assert "4 units" in result["error"]["message"]
        assert "--stale keep" in result["error"]["fix"]
        assert "--stale redo" in result["error"]["fix"]
        assert fingerprints(store) == fingerprints(mapped)

    def test_keep_leaves_them(self, small_world, mapped, store):
        code, result = small_world.map(store, "--stale", "keep")
        assert code == 0, result
        assert result["units"] == {"done": 0, "found": 4, "failed": 0, "without_input": 0}
        assert fingerprints(store) == fingerprints(mapped)

    def test_keep_makes_what_is_missing_by_the_new_code(self, small_world, mapped, store):
        next(store.glob("mosaic/1.0/2023-07/*/*.json")).unlink()
        code, result = small_world.map(store, "--stale", "keep")
        assert (code, result["units"]["done"], result["units"]["found"]) == (0, 1, 3)
        assert len(set(keys(mapped)) & set(keys(store))) == 3

    def test_redo_makes_them_again_under_other_names_and_clean_removes_the_old(self, small_world, mapped, store):
        code, result = small_world.map(store, "--stale", "redo")
        assert (code, result["units"]["done"], result["units"]["found"]) == (0, 4, 0)
        assert not set(keys(mapped)) & {path.stem for path in published_files(store) if path.suffix == ".json"}
        assert len(command("clean", store)[1]["removed"]) == 4 * 4
        assert layer_bytes(store) == layer_bytes(mapped)

    def test_retry_does_not_take_them_for_missing(self, store):
        assert command("retry", store, *INLINE) == (0, {"runs": []})


def test_what_others_wrote_into_the_collection_stays_as_long_as_the_map_is_the_same(small_world, store):
    assert command("report", str(store), "--step", "2023-06")[0] == 0
    code, audit = command("audit", str(store))
    assert (code, audit["verdict"]) in [(0, "passed"), (0, "warned")], audit
    before = json.loads((store / "mosaic/1.0/collection.json").read_text())
    assert {"swath:audit", "swath:accuracy"} <= before.keys() and "report_html_2023-06" in before["assets"]
    assert small_world.map(store)[0] == 0
    assert json.loads((store / "mosaic/1.0/collection.json").read_text()) == before


def test_verdicts_go_when_the_map_becomes_another(small_world, store):
    assert command("audit", str(store))[0] == 0
    code, _ = small_world.map(store, "--area", "12.5,47.70,12.62,47.71")
    assert code == 0
    assert "swath:audit" not in json.loads((store / "mosaic/1.0/collection.json").read_text())


def test_a_map_whose_audit_failed_stays_unpublished_when_it_goes_on(small_world, store):
    root, layer = store / "mosaic/1.0", next(store.glob("mosaic/1.0/2023-06/*/B04.*.tif"))
    whole = layer.read_bytes()
    layer.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert command("audit", str(store))[0] == 1
    code, result = small_world.map(store)
    assert (code, result["units"]["found"]) == (0, 4)
    assert [path.name for path in root.glob("collection*.json")] == ["collection.unpublished.json"]
    layer.write_bytes(whole)
    assert command("audit", str(store))[0] == 0
    assert [path.name for path in root.glob("collection*.json")] == ["collection.json"]
