"""Small specs for tests of models."""

from typing import Any

from swath.models.spec import (
    BandInput,
    ClassesOutput,
    InputSpec,
    Layout,
    ModelSpec,
    NetworkSpec,
    PartSpec,
    ValueOutput,
    ValuesOutput,
)

BANDS = (
    BandInput(name="B04", common_name="red", wavelength=0.665, mean=0.1, std=0.05),
    BandInput(name="B08", common_name="nir", wavelength=0.833, mean=0.3, std=0.1),
)


def input_spec(*, window: int = 32, stride: int | None = None, **fields: Any) -> InputSpec:
    """Two bands at 10 m."""
    return InputSpec(bands=BANDS, unit="reflectance", gsd=10, window=window, stride=stride or window, **fields)


def dates(steps: int = 3, **fields: Any) -> InputSpec:
    """Two bands, several dates with day of year and valid pixels."""
    return input_spec(steps=steps, layout=Layout.NTCHW, **{"day_of_year": True, "valid": True, **fields})


def model_spec(
    given: InputSpec | None = None, *, encoder: str = "unet", head: str = "segmentation", **settings: Any
) -> ModelSpec:
    """A small network: three classes, or two values for the head `regression`."""
    given = given or input_spec()
    classes = ClassesOutput(classes=("water", "crop", "tree"))
    values = ValuesOutput(values=(ValueOutput(name="agb", unit="Mg/ha"), ValueOutput(name="height", unit="m")))
    task = {"segmentation": "semantic-segmentation"}.get(head, head)
    settings = {"width": 8, "levels": 3, **settings}
    return ModelSpec(
        name="small",
        task=task,
        input=given,
        output=values if head == "regression" else classes,
        network=NetworkSpec(encoder=PartSpec(name=encoder, settings=settings), head=PartSpec(name=head)),
    )
