"""A small world whose scenes come late, come again in another version, or go."""

import copy
import json
from collections.abc import Collection
from pathlib import Path

from support.small_world import SmallWorld, item_of
from swath.synthetic import COLLECTION


def offer(world: SmallWorld, scenes: Collection[Path]) -> None:
    """Let the archive have these scenes only; their files stay where they are."""
    file = world.archive / COLLECTION / "collection.json"
    told = json.loads(file.read_text())
    others = [link for link in told["links"] if link["rel"] != "item"]
    own = [
        {"rel": "item", "href": f"./{scene.name}/{scene.name}.json", "type": "application/geo+json"}
        for scene in sorted(scenes)
    ]
    file.write_text(json.dumps(told | {"links": others + own}))


def reprocess(world: SmallWorld, scene: Path) -> Path:
    """Another version of a scene beside it, processed later: the same acquisition under another id.

    Returns:
        Its folder; `offer` it to have it found.
    """
    item = copy.deepcopy(json.loads(item_of(scene).read_text()))
    item["id"] = f"{scene.name}_again"
    properties = item["properties"]
    # the numbers of the files stay as they are, and so does the offset that a baseline stands for
    baseline = "05.11" if properties["s2:processing_baseline"] >= "04.00" else "03.01"
    properties["s2:processing_baseline"] = baseline
    properties["s2:datatake_id"] = properties["s2:datatake_id"][:-5] + baseline
    for asset in item["assets"].values():
        asset["href"] = f"../{scene.name}/{Path(asset['href']).name}"
    folder = scene.parent / item["id"]
    folder.mkdir(exist_ok=True)
    (folder / f"{folder.name}.json").write_text(json.dumps(item))
    return folder
