"""How a model's output becomes layers of a product."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from swath.errors import ProductError
from swath.forms import suggest
from swath.models.spec import ClassesOutput, ModelSpec
from swath.products.layers import Layer, LayerKind
from swath.products.legend import Legend, LegendClass
from swath.products.uncertainty import ENTROPY, MARGIN, SET, check_sets, uncertainty_layer

CLASS, CONFIDENCE, PROBABILITY = "class", "confidence", "probability_"
DISSIMILARITY, APPLICABLE = "dissimilarity", "applicable"
NO_CLASS = 0  #: no data of `class`: no class of a legend may have this code
NO_SHARE = 255  #: no data of confidence and probabilities
SHARE_STEP = 0.004  #: value of one step of confidence and probabilities: 250 steps from 0 to 1


class BoundModel(BaseModel):
    """A package that was chosen: enough to say what will be made, without its weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str = Field(min_length=12, description="sha256 of what decides the package's results.")
    spec: ModelSpec = Field(description="What it takes and gives.")


class ModelUse(BaseModel):
    """A model's output as layers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["classes", "values"] = Field(
        default="classes", description="What the model must give: `classes` (scores by class) or `values` (quantities)."
    )
    package: str | None = Field(
        default=None, description="Folder of the model package; `--model` says it for a run.", examples=[None]
    )
    layers: tuple[Literal["class", "confidence", "entropy", "margin", "set"], ...] = Field(
        default=("class", "confidence"),
        description="For classes: which of `class` (code of the likeliest), `confidence` (its probability), `entropy` "
        "(0 to 1), `margin` (above the next class) and `set` (bits of the likely classes, of a calibrated model) are "
        "written.",
    )
    probabilities: tuple[str, ...] = Field(
        default=(), description="For classes: names of the legend whose probability is written too, or `all`."
    )
    applicability: tuple[Literal["dissimilarity", "applicable"], ...] = Field(
        default=(),
        description="Layers of where the model may be applied, for a package that knows it: `dissimilarity` (how "
        "unlike all that it has seen a pixel is) and `applicable` (1 up to the package's threshold, else 0).",
    )
    legend: Legend | None = Field(default=None, description="For classes: codes, names and colours of layer `class`.")
    names: dict[str, str | None] = Field(
        default_factory=dict,
        description="Class of the package: class of the legend, where the names differ. Several may become one, their "
        "probabilities added; null leaves a class out.",
    )
    backend: Literal["auto", "onnx", "torch"] = Field(
        default="auto",
        description="What computes: `onnx` is ONNX Runtime on a CPU, `torch` takes a GPU where there is one; `auto`: "
        "onnx where the package has such a file.",
    )
    bound: BoundModel | None = Field(default=None, description="Filled in when a package is chosen; leave it null.")

    @model_validator(mode="after")
    def _fields_of_the_kind(self) -> ModelUse:
        if (self.kind == "classes") != (self.legend is not None):
            raise ValueError(f"kind is {self.kind!r}: give a legend with kind 'classes', and only then")
        if self.legend is not None:
            codes = [c.code for c in self.legend.classes]
            if NO_CLASS in codes or max(codes) > 255:
                raise ValueError("codes of the legend lie between 1 and 255: 0 is no data")
        return self

    def bind(self, spec: ModelSpec, digest: str, *, where: str) -> ModelUse:
        """With a package chosen.

        Raises:
            ProductError: The package gives something else than the product maps; names it and the choices.
        """
        bound = self.model_copy(update={"bound": BoundModel(digest=digest, spec=spec)})
        if spec.output.kind != self.kind:
            raise ProductError(
                f"{where}: model {spec.name} gives {spec.output.kind}, the product maps {self.kind}.",
                fix="Choose another package, or a product that maps such a model.",
                field="model.kind",
                value=spec.output.kind,
            )
        if self.applicability and spec.applicability is None:
            raise ProductError(
                f"{where}: model {spec.name} does not know where it is applicable.",
                fix="Train it anew with `applicability` in the recipe, or leave model.applicability empty.",
                field="model.applicability",
                value=list(self.applicability),
            )
        if self.legend is not None:
            bound.classes(where=where)
            bound.wanted(where=where)
            check_sets(self.layers, spec, self.legend, where=where)
        return bound

    def classes(self, *, where: str) -> NDArray[np.int64]:
        """Row of the legend for each class of the package, -1 for one that is left out; (package's classes,).

        Names of `names` that the package does not have are passed over: one product serves models of many legends.

        Raises:
            ProductError: A class that the legend lacks, or all classes left out.
        """
        output = self._classes_output()
        rows = {c.name.casefold(): row for row, c in enumerate(self._legend.classes)}
        names = {name.casefold(): meant for name, meant in self.names.items()}
        found = []
        for name in output.classes:
            meant = names.get(name.casefold(), name)
            if meant is None:
                found.append(-1)
                continue
            row = rows.get(meant.casefold())
            if row is None:
                raise ProductError(
                    f"{where}: model {self._bound.spec.name} knows the class {name!r}, which the legend does not have"
                    + ("." if meant == name else f" as {meant!r}."),
                    fix=f"Say which it is with --set 'model.names={{{name}: …}}'. "
                    + suggest(meant, [c.name for c in self._legend.classes]),
                    field="model.names",
                    value=name,
                )
            found.append(row)
        if all(row < 0 for row in found):
            raise ProductError(
                f"{where}: model.names leaves out every class of model {self._bound.spec.name}.",
                fix="Keep one at least.",
                field="model.names",
            )
        return np.array(found, np.int64)

    def wanted(self, *, where: str) -> tuple[LegendClass, ...]:
        """Classes of the legend whose probability is written: of those that the model knows.

        Raises:
            ProductError: A name that the legend lacks, or that the model does not know.
        """
        rows = set(self.classes(where=where).tolist())
        known = [c for row, c in enumerate(self._legend.classes) if row in rows]
        if self.probabilities == ("all",):
            return tuple(known)
        by_name = {c.name.casefold(): c for c in known}
        for name in self.probabilities:
            if name.casefold() not in by_name:
                raise ProductError(
                    f"{where}: there is no probability of {name!r} to write: model {self._bound.spec.name} does not "
                    "know it.",
                    fix=suggest(name, [*(c.name for c in known), "all"]),
                    field="model.probabilities",
                    value=name,
                )
        return tuple(by_name[name.casefold()] for name in self.probabilities)

    def made_layers(self, *, where: str) -> list[Layer]:
        """The layers that the model's output gives, in order."""
        spec = self._bound.spec
        if not isinstance(spec.output, ClassesOutput):
            return [
                Layer(
                    name=value.name, kind=LayerKind.CONTINUOUS, title=f"{value.name} by model {spec.name}",
                    dtype="float32", nodata=float("nan"), unit=value.unit,
                )
                for value in spec.output.values
            ]  # fmt: skip
        layers = []
        if "class" in self.layers:
            layers.append(
                Layer(
                    name=CLASS, kind=LayerKind.CLASSES, title=f"Class by model {spec.name}", dtype="uint8",
                    nodata=NO_CLASS, overviews="mode", legend=self._legend,
                )
            )  # fmt: skip
        if "confidence" in self.layers:
            layers.append(_share(CONFIDENCE, "Probability of the class, as the model has it"))
        share = _share(CONFIDENCE, "")
        layers += [
            uncertainty_layer(name, spec, self._legend, share) for name in (ENTROPY, MARGIN, SET) if name in self.layers
        ]
        layers += [
            _share(probability_name(c.name), f"Probability of {c.name}, as the model has it")
            for c in self.wanted(where=where)
        ]
        return layers

    @property
    def _bound(self) -> BoundModel:
        if self.bound is None:
            raise ProductError(
                "The product needs a model, and none is chosen.", fix="Give --model PACKAGE.", field="model.package"
            )
        return self.bound

    @property
    def _legend(self) -> Legend:
        if self.legend is None:
            raise ProductError("The product maps values: it has no legend.", field="model.legend")
        return self.legend

    def _classes_output(self) -> ClassesOutput:
        output = self._bound.spec.output
        if not isinstance(output, ClassesOutput):
            raise ProductError(f"Model {self._bound.spec.name} gives no classes.", field="model.kind")
        return output


def probability_name(name: str) -> str:
    """Layer of a class's probability: `probability_tree_cover`."""
    return PROBABILITY + "".join(ch if ch.isascii() and ch.isalnum() else "_" for ch in name.lower())


def _share(name: str, title: str) -> Layer:
    return Layer(
        name=name, kind=LayerKind.CONTINUOUS, title=title, dtype="uint8", nodata=NO_SHARE, scale=SHARE_STEP,
        overviews="average",
    )  # fmt: skip
