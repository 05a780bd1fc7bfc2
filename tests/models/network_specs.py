"""Specs of small networks of every part, for tests."""

from typing import Any

import torch

from models.specs import BANDS, dates, input_spec
from swath.models.network import Network
from swath.models.spec import (
    BandInput,
    ClassesOutput,
    InputSpec,
    ModelSpec,
    NetworkSpec,
    PartSpec,
    ValueOutput,
    ValuesOutput,
)

CLASSES = ClassesOutput(classes=("low", "middle", "high"))
PLACE = (
    BandInput(name="longitude", input="location", unit="degree"),
    BandInput(name="latitude", input="location", unit="degree"),
)


def placed(**fields: Any) -> InputSpec:
    """Two bands with longitude and latitude between them."""
    return InputSpec(
        **{
            "bands": (BANDS[0], *PLACE, BANDS[1]),
            "unit": "reflectance",
            "gsd": 10,
            "window": 32,
            "stride": 32,
            **fields,
        }
    )


def values(*names: str) -> ValuesOutput:
    """An output of values."""
    return ValuesOutput(values=tuple(ValueOutput(name=name, unit="Mg/ha") for name in names))


def spec_of(
    encoder: str,
    head: str = "segmentation",
    *,
    given: InputSpec | None = None,
    output: ClassesOutput | ValuesOutput = CLASSES,
    location: dict[str, Any] | None = None,
    head_settings: dict[str, Any] | None = None,
    **settings: Any,
) -> ModelSpec:
    """A small network of the named parts; settings are of the encoder."""
    small = {"width": 8} if encoder in ("mlp", "statistics") else {"width": 8, "levels": 3, "depth": 1}
    place = None if location is None else PartSpec(name="harmonics", settings={"width": 16, **location})
    return ModelSpec(
        name="small",
        task="regression"
        if isinstance(output, ValuesOutput)
        else "classification"
        if head == "classification"
        else "semantic-segmentation",
        input=given or input_spec(),
        output=output,
        network=NetworkSpec(
            encoder=PartSpec(name=encoder, settings={**small, **settings}),
            head=PartSpec(name=head, settings=head_settings or {}),
            location=place,
        ),
    )


def drawn(spec: ModelSpec) -> Network:
    """A network whose weights and statistics are not those of a fresh one, for inference."""
    torch.manual_seed(0)
    network = Network.build(spec)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.uniform_(-0.5, 0.5)
                module.running_var.uniform_(0.5, 2)
                if module.affine:
                    module.weight.uniform_(0.5, 2)
                    module.bias.uniform_(-0.5, 0.5)
        for name, parameter in network.named_parameters():
            if name.startswith("location.") and not parameter.any():
                parameter.normal_(0, 0.3)  # it begins at zero
    return network.eval()


#: One of every part that a map can be drawn with.
SPECS = {
    "convnext": spec_of("convnext"),
    "convnext of dates": spec_of("convnext", given=dates(2, day_of_year=False)),
    "wavelength": spec_of("wavelength"),
    "wavelength of dates": spec_of("wavelength", given=dates(3)),
    "wavelength with target": spec_of("wavelength", given=dates(3, target=1)),
    "mlp": spec_of("mlp"),
    "mlp with codes": spec_of("mlp", categories="B08:4", given=input_spec(valid=True)),
    "place": spec_of("unet", given=placed(), location={}),
    "place of dates": spec_of(
        "temporal", given=placed(steps=2, layout="NTCHW", day_of_year=True, valid=True), location={}
    ),
    "place by pixel": spec_of("mlp", given=placed(), location={"degree": 5}),
    "ordinal": spec_of("unet", "ordinal"),
    "presence": spec_of("mlp", "presence", output=values("a", "b", "richness"), head_settings={"richness": True}),
    "gaussian": spec_of(
        "unet", "regression", output=values("agb", "agb_sd", "q05", "q95"),
        head_settings={"form": "gaussian", "gives": "mean,sd,q05,q95"},
    ),
    "gaussian of logs": spec_of(
        "unet", "regression", output=values("agb", "agb_sd", "q05", "q95"),
        head_settings={"form": "gaussian", "gives": "mean,sd,q05,q95", "log": True},
    ),
    "laplace": spec_of(
        "unet", "regression", output=values("agb", "q05", "q95"),
        head_settings={"form": "laplace", "gives": "median,q05,q95"},
    ),
    "quantiles of two": spec_of(
        "unet", "regression", output=values("agb", "agb_q95", "height", "height_q95"),
        head_settings={"form": "quantiles", "gives": "mean,q95"},
    ),
}  # fmt: skip
