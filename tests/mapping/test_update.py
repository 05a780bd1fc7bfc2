"""A map is brought up to date: only what changed is made, and the map is as if it had been made anew."""

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from support.command import swath
from support.late import offer, reprocess
from support.small_world import SmallWorld, change_item, layer_bytes, small_world  # noqa: F401
from swath.assessment.audit import AuditedMap
from swath.assessment.audit.footprints import Footprints
from swath.assessment.runs import runs_of
from swath.errors import NoItemsError
from swath.grid import Period
from swath.mapping import carry_out, open_runs
from swath.mapping.publish import published
from swath.mapping.update import Window, maps_of, plan_update
from swath.store import Failures, Store

ROOT = "mosaic/1.0"
# four tiles in a row: the western granule reaches the first three, the eastern one the last three
AREA, JUNE, LATE = "12.48,47.70,12.54,47.71", "2023-06/P1M", 5


@pytest.fixture(scope="module")
def base(small_world, tmp_path_factory):  # noqa: F811
    """The archive without its last scene of June, an eastern one, and a map of that month."""
    folder = tmp_path_factory.mktemp("late")
    world = SmallWorld(small_world.copy(folder).folder, AREA, JUNE)
    offer(world, scenes(world, without=LATE))
    code, told = world.map(folder / "store")
    assert (code, told["units"]["done"]) == (0, 4), told
    return world


@pytest.fixture
def world(base):
    """The archive as it was when the map was made."""
    offer(base, scenes(base, without=LATE))
    return base


@pytest.fixture
def store(base, tmp_path):
    """A copy of the map of one's own."""
    shutil.copytree(base.folder / "store", tmp_path / "store")
    return Store.open(tmp_path / "store")


@pytest.fixture(scope="module")
def brought(base, tmp_path_factory):
    """The map after the late scene has come, once; copy it before changing it."""
    folder = tmp_path_factory.mktemp("brought") / "store"
    shutil.copytree(base.folder / "store", folder)
    offer(base, scenes(base))
    made(update(Store.open(folder)))
    return folder


@pytest.fixture
def updated(brought, world, tmp_path):
    """A copy of the updated map of one's own, over the archive with the late scene."""
    shutil.copytree(brought, tmp_path / "updated")
    offer(world, scenes(world))
    return Store.open(tmp_path / "updated")


def scenes(world, without=None):
    """Scenes of the archive as it was simulated, west before east, but one."""
    every = [scene for scene in world.scenes if not scene.name.endswith("_again")]
    return every if without is None else every[:without] + every[without + 1 :]


def update(store, window=None, **more):
    (last,) = maps_of(store, ROOT)
    return plan_update(last, window, **more)


def made(update):
    result = carry_out(update.plan, cluster="inline")
    assert not result.failed, result.failures
    return result


def files(store):
    return {path: path.stat().st_mtime_ns for path in sorted(store_path(store).rglob("*")) if path.is_file()}


def store_path(store):
    return Path(store.root)


def keys(store):
    """What the map refers to: unit to key."""
    return {f"{tile}_{step}": unit.key for (step, tile), unit in published(store, ROOT).items()}


def fresh_keys(world, folder, period=JUNE):
    """What a map that is made anew would refer to."""
    base = next(iter(open_runs(planned(world, folder, period))))
    return {unit.id: unit.key for unit in base.units() if unit.scenes}


def planned(world, folder, period):
    code, told = swath("plan", *world.request(folder, "--period", period))
    assert code == 0, told
    return Store.open(folder)


def missing(store):
    """Files that the map refers to and which are not there."""
    root = store_path(store) / ROOT
    collection = json.loads((root / "collection.json").read_text())
    items = [root / link["href"] for link in collection["links"] if link["rel"] == "item"]
    assets = [
        item.parent / asset["href"] for item in items for asset in json.loads(item.read_text())["assets"].values()
    ]
    return [path for path in items + assets if not path.is_file()]


def test_where_nothing_changed_nothing_is_written_and_that_is_said(world, store):
    before = files(store)
    found = update(store)
    assert found.plan is None
    assert (found.changes.unchanged, found.changes.new, found.changes.changed) == (4, 0, 0)
    assert files(store) == before


def test_a_late_scene_makes_exactly_its_tiles_again(world, store, updated, tmp_path):
    found = update(store)
    assert (found.changes.changed, found.changes.with_new_scenes, found.changes.scenes_new) == (3, 3, 1)
    assert found.plan.totals.units == 3
    assert keys(updated) == fresh_keys(world, tmp_path / "fresh")
    (same,) = {unit for unit, key in keys(store).items() if keys(updated)[unit] == key}
    assert "x161" in same
    assert missing(updated) == []


def test_a_second_update_finds_nothing_to_do(updated):
    found = update(updated)
    assert (found.plan, found.changes.unchanged) == (None, 4)


def test_a_scene_processed_again_replaces_its_older_version_beside_it(world, store):
    old = scenes(world)[0]
    new = reprocess(world, old)
    offer(world, [*scenes(world, without=LATE), new])
    found = update(store)
    assert (found.changes.changed, found.changes.with_replaced_scenes, found.changes.with_new_scenes) == (3, 3, 0)
    assert found.changes.replaced == [[old.name, new.name]]
    assert found.plan.facts["left_out"] == [[old.name, f"older processing of {new.name}"]]
    made(found)
    inputs = [json.loads(path.read_text())["properties"]["swath:inputs"] for path in unit_items(store)]
    assert sum(new.name in mine for mine in inputs) == 3
    assert not any(old.name in mine for mine in inputs)


def unit_items(store):
    """Item files that the map refers to."""
    return [
        store_path(store) / ROOT / step / tile / f"{unit.key}.json"
        for (step, tile), unit in published(store, ROOT).items()
    ]


def test_a_scene_written_anew_under_its_id_replaces_itself(world, store):
    scene = scenes(world)[0]
    before = scene / f"{scene.name}.json"
    text = before.read_text()
    change_item(scene, lambda item: item["properties"].update(updated="2026-06-01T00:00:00Z"))
    found = update(store)
    before.write_text(text)
    assert (found.changes.with_replaced_scenes, found.changes.replaced) == (3, [[scene.name, scene.name]])


def test_a_new_month_is_made_and_the_old_one_stays(world, store):
    before = keys(store)
    found = update(store, Window(last=1, until=date(2023, 7, 20)))
    assert (found.period.text, found.changes.new, found.changes.elsewhere) == ("2023-07/P1M", 4, 4)
    assert made(found).done == 4
    assert before.items() < keys(store).items()
    assert len(keys(store)) == 8


def test_the_next_update_goes_on_from_the_window_of_the_last(world, store):
    made(update(store, Window(period=Period.parse("2023-07/P1M"))))
    assert update(store).period.text == "2023-07/P1M"
    assert update(store, Window(last=2, until=date(2023, 7, 20))).period.text == "2023-06/2023-07/P1M"


def test_a_window_without_any_item_is_no_error_where_the_map_has_nothing(world, store):
    found = update(store, Window(period=Period.parse("2023-09/P1M")))
    assert (found.plan, found.changes.elsewhere) == (None, 4)


def test_a_source_that_lost_all_of_a_map_is_an_error(world, store):
    offer(world, [])
    with pytest.raises(NoItemsError):
        update(store)


def test_units_of_which_scenes_are_only_gone_stay_and_are_named(world, store):
    gone, *others = scenes(world, without=LATE)
    offer(world, others)
    found = update(store)
    assert (found.plan, found.changes.gone, found.changes.unchanged) == (None, 3, 1)
    assert found.changes.lost == [gone.name]
    assert len(found.changes.gone_units) == 3


def test_a_killed_update_goes_on_as_the_same_run(world, store, tmp_path, monkeypatch):
    """Killed after its units were made and before they were published."""
    offer(world, scenes(world))
    first = update(store)
    with monkeypatch.context() as patch:
        patch.setattr("swath.mapping.run.publish", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            carry_out(first.plan, cluster="inline")
    second = update(store)
    assert (second.plan.run, second.found) == (first.plan.run, True)
    result = made(second)
    assert (result.done, result.found) == (0, 3)
    assert keys(store) == fresh_keys(world, tmp_path / "fresh")


def test_a_stopped_update_goes_on_with_what_is_left(world, store, tmp_path):
    offer(world, scenes(world))
    first = update(store)
    asked = []
    # the second question comes when the first unit is on its way
    result = carry_out(first.plan, cluster="inline", should_stop=lambda: asked.append(1) or len(asked) > 1)
    assert result.stopped and 0 < result.done < 3
    second = update(store)
    assert second.changes.changed == 3 - result.done
    made(second)
    assert keys(store) == fresh_keys(world, tmp_path / "fresh")
    assert open_runs(store) == []


def test_clean_removes_what_was_superseded_and_nothing_that_is_referred_to(store, updated):
    old = {key for unit, key in keys(store).items() if keys(updated)[unit] != key}
    code, told = swath("clean", updated.root)
    assert code == 0
    assert {name.split("/")[-1].split(".")[-2] for name in told["removed"]} == old
    assert len(told["removed"]) == 3 * 4
    assert missing(updated) == []


@pytest.mark.parametrize("cleaned", [False, True])
def test_neither_the_first_command_nor_retry_brings_older_units_back(world, updated, cleaned):
    now = keys(updated)
    if cleaned:
        swath("clean", updated.root)
    assert open_runs(updated) == []
    code, result = world.map(updated.root)
    assert (code, result["units"]["done"], result["units"]["found"]) == (0, 0, 4)
    assert keys(updated) == now


def test_a_unit_that_lacked_files_is_not_retried_once_an_update_has_made_it(world, store, updated):
    (first,) = maps_of(store, ROOT)
    unit = next(unit for unit, key in keys(store).items() if keys(updated)[unit] != key)
    Failures(updated, ROOT, first.run, "skipped").record(unit, {"reads": []})
    assert open_runs(updated) == []
    assert world.map(updated.root)[1]["incomplete"] == 0


def test_an_updated_map_passes_its_audit(updated):
    code, told = swath("audit", updated.root)
    assert (code, told["verdict"]) == (0, "passed"), told


def test_an_audit_knows_the_scenes_of_the_update(updated):
    """Whichever of the two runs comes first by its id."""
    runs = store_path(updated) / ROOT / "runs"
    (later,) = (run.parent for run in runs.glob("*/run.json") if "update" in json.loads(run.read_text()))
    later.rename(runs / ("0" * 12))
    (audited,) = AuditedMap.open_all(updated, product="mosaic")
    seen = Footprints.of(runs_of(audited), "2023-06").of_tile("utm33n-10m-192-x164-y2753")
    assert [take.split("_")[2][:8] for take in sorted(seen)] == ["20230616", "20230606", "20230626"]


def test_each_area_of_a_map_is_updated_by_itself(world, store):
    code, _ = swath("plan", *world.request(store.root, "--area", "12.50,47.70,12.515,47.71"))
    assert code == 0
    assert [plan.facts["request"]["area"] for plan in maps_of(store, ROOT)] == [
        "12.48,47.70,12.54,47.71",
        "12.50,47.70,12.515,47.71",
    ]


def test_units_of_older_code_are_left_unless_they_are_to_be_made_again(world, store, monkeypatch):
    import swath.cube

    monkeypatch.setattr(swath.cube, "PIXELS", swath.cube.PIXELS + 1)
    found = update(store)
    assert (found.plan, found.changes.unchanged, found.changes.older) == (None, 4, 4)
    assert update(store, redo=True).plan.totals.units == 4


def test_an_acquisition_that_begins_earlier_by_a_late_granule_stands_once(world, tmp_path):
    west, east = scenes(world)[:2]
    day = "2023-06-06/acquisition"
    offer(world, [west])
    code, told = world.map(tmp_path / "store", "--period", day)
    assert (code, told["units"]["done"]) == (0, 3), told
    store = Store.open(tmp_path / "store")
    old = keys(store)
    item = east / f"{east.name}.json"
    text = item.read_text()
    change_item(east, lambda told: told["properties"].update(datetime="2023-06-06T10:16:55Z"))
    offer(world, [west, east])
    found = update(store)
    assert (found.changes.new, found.changes.moved, found.changes.unchanged, found.changes.gone) == (3, 2, 1, 0)
    made(found)
    item.write_text(text)
    now = keys(store)
    assert len(now) == 4
    assert {unit.split("_")[1] for unit in now} == {"2023-06-06T101655", "2023-06-06T101702"}
    assert len(swath("clean", store.root)[1]["removed"]) == 2 * 4
    assert (missing(store), open_runs(store)) == ([], [])
    assert set(old) - set(now) == set(found.plan.moved)
    audits = swath("audit", store.root)[1]["steps"]
    plans = {step: check["verdict"] for step, told in audits.items() for check in told["checks"][:1]}
    assert plans == {"2023-06-06T101655": "passed", "2023-06-06T101702": "passed"}
