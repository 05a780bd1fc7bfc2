"""What references say of a map and its regions, as `swath assess` left it: each result with its kind."""

from __future__ import annotations

import json
from typing import Any

from swath.assessment.assess import RESULT as ACCURACY
from swath.assessment.greg import HYBRID
from swath.assessment.places import FOLDER as ASSESSMENTS
from swath.assessment.published import PublishedMap
from swath.assessment.regional import RESULT as REGIONS
from swath.assessment.sample import FOLDER as SAMPLES

#: What an estimate is, by its estimator: a statistician asks for this first
KINDS = {
    "greg": "design-based, model-assisted",
    "expansion": "design-based",
    "synthetic": "model-based, synthetic",
    "ratio to size": "hybrid",
    "map": "model-based",
}


def regions_of(map_: PublishedMap) -> list[dict[str, Any]]:
    """Means, totals and areas by region of this very map; of those of it as it was before only the names.

    Returns:
        What `Regional.to_dict` gave, with `reference` (a sample or a table) and in each estimate its `kind`.
    """
    found = []
    folders = [("sample", f"{map_.root}/{SAMPLES}"), ("plots", f"{map_.root}/{ASSESSMENTS}/{map_.step}")]
    for told in _results(map_, REGIONS, folders):
        if not told.get("outdated"):
            told["estimates"] = [one | {"kind": KINDS[one["estimator"]]} for one in told["estimates"]]
        found.append(told)
    return found


def plots_of_others(map_: PublishedMap) -> list[dict[str, Any]]:
    """Accuracy and areas of this very map from plots that no sample of it is behind; of earlier ones the names."""
    return _results(map_, ACCURACY, [("plots", f"{map_.root}/{ASSESSMENTS}/{map_.step}")])


def _results(map_: PublishedMap, file: str, folders: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Content of the result files of a map's time step in folders, each with its kind of reference."""
    made = []
    for kind, folder in folders:
        for key in sorted(key for key, _ in map_.store.list(folder) if key.endswith(f"/{file}")):
            told = json.loads(map_.store.read_bytes(key))
            told["reference"] = f"{'tracks' if told['title'] == HYBRID else kind} {key.split('/')[-2]}"
            if told["map"] == map_.id:
                made.append(told)
            elif is_same_step(told["map"], map_.id):
                made.append({"reference": told["reference"], "map": told["map"], "outdated": True})
    return made


def is_same_step(one: str, other: str) -> bool:
    """Two ids of maps are of the same time step, as it is or as it was before."""
    return one.rpartition("@")[0] == other.rpartition("@")[0]
