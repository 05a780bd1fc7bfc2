import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pystac
import pytest
from pydantic import ValidationError

from models.specs import dates, input_spec, model_spec
from support.stac_validation import validate_stac
from swath.models.files import FileFacts
from swath.models.mlm import model_item
from swath.models.provenance import Provenance
from swath.models.spec import BandInput, Layout, ModelSpec

AREA = {"type": "Polygon", "coordinates": [[[11, 46], [12, 46], [12, 47], [11, 47], [11, 46]]]}
FILES = {
    "model.onnx": FileFacts(12, "ab" * 32),
    "weights.safetensors": FileFacts(34, "cd" * 32),
    "metrics.json": FileFacts(5, "ef" * 32),
}
WHOLE = Provenance(
    licence="CC-BY-4.0",
    title="A model",
    description="For tests.",
    source="https://example.org/model",
    labels=("OpenStreetMap",),
    items=("S2A_1", "S2B_2"),
    geometry=AREA,
    start=datetime(2023, 1, 1, tzinfo=UTC),
    end=datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC),
    created=datetime(2026, 11, 25, 1, 2, 3, tzinfo=UTC),
    code={"trainer": "1.2"},
    framework_version="2.13.0+cpu",
    parameters=1234,
    hyperparameters={"lr": 0.001, "epochs": 20},
    metrics={"macro_f1": 0.8},
)
SHORT = Provenance(licence="other")
SEVERAL = input_spec(clip=(0.0, 1.0)).model_copy(
    update={
        "bands": (
            BandInput(name="B04", common_name="red"),
            BandInput(name="VV", input="radar", unit="gamma0", transform="decibel", clip=(-30, 5)),
            BandInput(name="longitude", input="location", unit="deg"),
        )
    }
)
CASES: dict[str, tuple[ModelSpec, Provenance]] = {
    "classes": (model_spec(), WHOLE),
    "nothing but a licence": (model_spec(), SHORT),
    "values": (model_spec(head="regression"), WHOLE),
    "of the window": (model_spec(head="classification"), SHORT),
    "dates": (model_spec(dates(), encoder="temporal"), WHOLE),
    "several inputs": (model_spec(SEVERAL), WHOLE),
    "clipped, channels last": (model_spec(input_spec(clip=(0.0, 1.0), layout=Layout.NHWC)), WHOLE),
}


def item(case: str = "classes") -> dict[str, Any]:
    spec, provenance = CASES[case]
    return model_item(spec, provenance, FILES, "d1" * 32)


@pytest.mark.parametrize("case", CASES)
def test_a_card_is_valid_against_the_core_schema(case: str) -> None:
    validate_stac(item(case))


@pytest.mark.real
@pytest.mark.parametrize("case", CASES)
def test_a_card_is_valid_against_the_schemas_of_its_extensions(case: str, real_data: Path) -> None:
    assert len(validate_stac(item(case), real_data / "stac-schemas")) == 5


def test_pystac_reads_a_card() -> None:
    assert pystac.Item.from_dict(item()).properties["mlm:tasks"] == ["semantic-segmentation"]


def test_the_input_says_bands_shape_order_and_scaling() -> None:
    (given,) = item()["properties"]["mlm:input"]
    assert given["bands"] == ["B04", "B08"]
    assert given["input"] == {
        "shape": [-1, 2, 32, 32],
        "dim_order": ["batch", "bands", "height", "width"],
        "data_type": "float32",
    }
    assert given["value_scaling"][1] == {"type": "z-score", "mean": 0.3, "stddev": 0.1}


def test_day_and_mask_are_inputs_of_their_own() -> None:
    given = item("dates")["properties"]["mlm:input"]
    assert [(value["name"], value["input"]["shape"]) for value in given] == [
        ("x", [-1, 3, 2, 32, 32]),
        ("day", [-1, 3]),
        ("valid", [-1, 3, 32, 32]),
    ]


def test_the_output_says_its_classes() -> None:
    (output,) = item()["properties"]["mlm:output"]
    assert [(c["value"], c["name"]) for c in output["classification:classes"]] == [
        (0, "water"),
        (1, "crop"),
        (2, "tree"),
    ]
    assert output["post_processing_function"]["expression"] == "softmax"


def test_the_output_of_values_says_their_units() -> None:
    (output,) = item("values")["properties"]["mlm:output"]
    assert output["description"] == "agb (Mg/ha), height (m)"


def test_a_card_says_where_the_model_comes_from() -> None:
    card = item()
    properties = card["properties"]
    assert card["bbox"] == [11, 46, 12, 47]
    assert (properties["start_datetime"], properties["end_datetime"]) == (
        "2023-01-01T00:00:00Z",
        "2023-12-31T23:59:59Z",
    )
    assert properties["created"] == "2026-11-25T01:02:03Z"
    assert properties["license"] == "CC-BY-4.0"
    assert properties["swath:labels"] == ["OpenStreetMap"]
    assert properties["swath:items"] == ["S2A_1", "S2B_2"]
    assert properties["processing:software"].keys() == {"trainer", "swath"}
    assert properties["mlm:total_parameters"] == 1234


def test_weights_carry_checksum_and_size() -> None:
    weights = item()["assets"]["weights.safetensors"]
    assert weights["file:checksum"] == "1220" + "cd" * 32
    assert weights["file:size"] == 34
    assert weights["roles"] == ["mlm:model"]


def test_a_name_that_eo_does_not_know_is_left_to_the_spec() -> None:
    spec = model_spec()
    bands = tuple(band.model_copy(update={"common_name": "vv"}) for band in spec.input.bands)
    spec = spec.model_copy(update={"input": spec.input.model_copy(update={"bands": bands})})
    card = model_item(spec, SHORT, FILES, "")
    assert all("eo:common_name" not in band for band in card["properties"]["bands"])
    assert card["properties"]["swath:model"]["input"]["bands"][0]["common_name"] == "vv"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("licence", "do what you want"),
        ("geometry", {"type": "Point", "coordinates": [1, 2]}),
        ("start", datetime(2023, 1, 1, tzinfo=UTC)),
        ("metrics", {"f1": float("nan")}),
        ("framework_version", "two"),
    ],
)
def test_a_provenance_that_a_card_could_not_hold_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        Provenance(**{"licence": "MIT", field: value})


def test_the_same_model_gives_the_same_card() -> None:
    assert json.dumps(item()) == json.dumps(item())


def test_bands_of_several_inputs_have_names_and_units_of_their_own() -> None:
    properties = item("several inputs")["properties"]
    assert [(band["name"], band["unit"]) for band in properties["bands"]] == [
        ("B04", "reflectance"), ("radar_VV", "gamma0"), ("location_longitude", "deg"),
    ]  # fmt: skip
    (given,) = properties["mlm:input"]
    assert given["bands"] == ["B04", "radar_VV", "location_longitude"]
    assert given["pre_processing_function"]["expression"] == (
        "reflectance is clipped to 0 to 1 before scaling; "
        "radar_VV: 10 log10 of it, 1e-6 at least, then clipped to -30 to 5"
    )
    assert given["description"] == "Bands in reflectance, gamma0, deg, scaled; 0 where there is no data."
