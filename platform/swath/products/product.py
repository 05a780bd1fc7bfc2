"""A product: what is mapped, in one YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from swath.cube import COUNT, CubeSpec, Method
from swath.cube import check as check_cube
from swath.cube.scores import score
from swath.errors import ModelError, ProductError
from swath.forms import apply_overrides, parse_yaml, suggest, validate
from swath.models.inputs import channels_of, match_bands
from swath.models.spec import ModelSpec
from swath.products.applicability import applicability_layers
from swath.products.composed import index_layer, input_layers
from swath.products.digest import pixel_digest
from swath.products.forest import ForestDefinition, with_forest
from swath.products.inputs import Input
from swath.products.layers import Layer, ruled
from swath.products.model import ModelUse
from swath.products.output import Output, Provider
from swath.products.rules import check_fields
from swath.sources.facts import Collection


class Product(BaseModel):
    """What is mapped: inputs, indices, output. Frozen; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        description="Lower case with dashes; the first folder in the store.",
        examples=["my-mosaic"],
    )
    version: str = Field(
        pattern=r"^[0-9]+(\.[0-9]+)*$",
        description="Quoted digits with dots; the second folder in the store. Raise it when the map's meaning changes.",
        examples=["1.0"],
    )
    title: str = Field(min_length=1, description="One line for readers.", examples=["My clear mosaic"])
    description: str = Field(default="", description="What the map shows and how it was made, for the STAC collection.")
    license: str = Field(
        default="other", min_length=1, description="SPDX identifier of the map's licence (`CC-BY-4.0`), or `other`."
    )
    providers: tuple[Provider, ...] = Field(default=(), description="Who stands behind the map: {name, roles, url}.")
    inputs: tuple[Input, ...] = Field(
        min_length=1,
        max_length=8,
        description="What is read: a collection each. The first gives grid, resolution and units.",
    )
    index_of_composite: tuple[str, ...] = Field(
        default=(),
        description="Spectral indices of the composite's reflectance, by their spyndex names (NDVI, EVI, MNDWI); each "
        "is a layer, int16 x 0.0001 unless a rule of `layers` says otherwise.",
    )
    model: ModelUse | None = Field(
        default=None,
        description="A model between composite and layers: {kind: classes | values, legend, names, layers, "
        "probabilities}; null: the composite itself is written.",
    )
    forest: ForestDefinition | None = Field(
        default=None,
        description="What counts as forest: {height, cover, area_ha, outside}; values are of forest only. Null: "
        "of all pixels.",
        examples=[None],
    )
    per: Literal["any", "acquisition"] = Field(
        default="any", description="`acquisition`: a map of each acquisition by itself; other periods are refused."
    )
    output: Output = Field(default_factory=Output, description="What is written.")

    @classmethod
    def load(cls, name_or_path: str | Path) -> Product:
        """A product by its shipped name or from a YAML file.

        Raises:
            ProductError: No such name or file, or a fault in it; names file, field, value and choices.
        """
        text = str(name_or_path)
        if text in products():
            source = (resources.files("swath.products") / "shipped" / f"{text}.yaml").read_text("utf-8")
            return cls.parse(source, where=text)
        path = Path(text)
        if path.suffix not in (".yaml", ".yml"):
            raise ProductError(
                f"There is no product {text!r}.",
                fix=f"{suggest(text, products())} Or give the path of a YAML file.",
                value=text,
                choices=products(),
            )
        try:
            return cls.parse(path.read_text("utf-8"), where=text)
        except OSError as error:
            raise ProductError(
                f"Product file {text} cannot be read: {error.strerror or error}.", fix="Check the path.", file=text
            ) from error
        except UnicodeDecodeError as error:
            raise ProductError(f"Product file {text} is not UTF-8 text.", fix="Save it as UTF-8.", file=text) from error

    @classmethod
    def parse(cls, text: str, *, where: str) -> Product:
        """A product from YAML text; `where` names it in messages.

        Raises:
            ProductError: A fault; names field, value and choices.
        """
        return cls._build(parse_yaml(text, where=where), where=where)

    @classmethod
    def _build(cls, data: Any, *, where: str) -> Product:
        product = validate(cls, data, where=where)
        check_fields(product, where=where)
        return product

    def with_model(self, spec: ModelSpec, digest: str) -> Product:
        """This product with a model package chosen.

        Raises:
            ProductError: The product takes no model, or the package gives what it does not map.
        """
        if self.model is None:
            raise ProductError(
                f"{self.name} takes no model, and {spec.name} was given.", fix="Leave --model out.", field="model"
            )
        return self.model_copy(update={"model": self.model.bind(spec, digest, where=self.name)})

    @property
    def model_spec(self) -> ModelSpec | None:
        """What the chosen model takes and gives; None for a product without.

        Raises:
            ProductError: The product needs a model, and none is chosen.
        """
        if self.model is None:
            return None
        if self.model.bound is None:
            raise ProductError(
                f"{self.name} maps with a model, and none is chosen.",
                fix="Give --model PACKAGE; `swath train` makes one, `swath models import` takes an ONNX file.",
                field="model.package",
            )
        return self.model.bound.spec

    def with_overrides(self, assignments: Sequence[str]) -> Product:
        """This product with fields set by `FIELD=VALUE` texts (values are YAML).

        Raises:
            ProductError: An unknown field path (the choices at that point are named) or a value that does not fit.
        """
        if not assignments:
            return self
        data = apply_overrides(type(self), self.model_dump(mode="json"), assignments)
        return self._build(data, where=f"{self.name} with --set")

    @property
    def model_digest(self) -> str:
        """Digest of the chosen model package; empty for a product without a model."""
        return "" if self.model is None or self.model.bound is None else self.model.bound.digest

    @property
    def channels(self) -> tuple[tuple[int, ...], ...]:
        """Which of the model's channels each input gives, see `channels_of`; an empty tuple an input without a model.

        Raises:
            ProductError: No model is chosen, or it takes an input that the product does not have.
        """
        model = self.model_spec
        if model is None:
            return ((),) * len(self.inputs)
        try:
            return channels_of(model.input, [given.name for given in self.inputs], model=model.name)
        except ModelError as error:
            raise self._of_model(error) from error

    @property
    def reads(self) -> tuple[bool, ...]:
        """Which inputs are read: all, with a model those that it takes bands of, and those of a forest definition."""
        beside = frozenset() if self.forest is None else self.forest.inputs
        return tuple(
            self.model is None or bool(places) or given.name in beside
            for given, places in zip(self.inputs, self.channels, strict=True)
        )

    @property
    def optional(self) -> tuple[bool, ...]:
        """Which inputs a unit may lack: those that say so, with a model only if it can do without all their bands."""
        model = self.model_spec
        return tuple(
            given.optional and (model is None or all(model.input.bands[place].optional for place in places))
            for given, places in zip(self.inputs, self.channels, strict=True)
        )

    def cube_spec(self, collection: Collection, number: int = 0) -> CubeSpec:
        """The cube that this product composites from `collection`.

        Args:
            collection: Facts.
            number: Of the input.

        Raises:
            ProductError: The collection is another one than the product names, or lacks a band; names the choices.
        """
        given, field = self.inputs[number], f"inputs.{number}"
        if given.collection not in ("auto", collection.key):
            raise ProductError(
                f"{self.name}: {field}.collection is {given.collection!r}, and the items are of {collection.key!r}.",
                fix=f"Search {given.collection!r}, or use --set {field}.collection={collection.key}.",
                field=f"{field}.collection",
                value=given.collection,
            )
        model = self.model_spec
        named = model is None or (self.forest is not None and given.name in self.forest.inputs)
        bands = None if model is None or named else self._model_bands(model, collection, number)
        spec = given.cube_spec(collection, where=f"{self.name}: {field}", bands=bands)
        check_cube(spec, collection)
        if spec.method is Method.BEST:
            score(spec.score or "", spec.bands, collection)
        return spec

    def layers(self, *collections: Collection | None) -> tuple[Layer, ...]:
        """The layers that are written, in order.

        The bands, `day` of a best-date composite, `count`, `flags` where `min_obs` asks for more than one, those of
        later inputs (`input_layers`), indices; with a model what it gives, where it is applicable, and `count`.

        Args:
            *collections: Facts of the inputs in order, None for one that the model does not read.

        Raises:
            ProductError: As `cube_spec`; an index whose bands the cube lacks; a pattern of `output.layers` that fits
                no layer, or a rule that contradicts itself.
        """
        specs = [
            None if facts is None else (self.cube_spec(facts, number), facts)
            for number, facts in enumerate(collections)
        ]
        layers = input_layers(specs, self.inputs)
        if self.model is not None:
            count = [layer for layer in layers if layer.name == COUNT]
            made = self.model.made_layers(where=f"{self.name}: model")
            if self.forest is not None:
                made = with_forest(self.forest, made, self.inputs, specs, where=self.name)
            layers = [*made, *applicability_layers(self.model), *count]
        where = f"{self.name}: index_of_composite"
        if specs[0] is not None:
            layers += [index_layer(name, *specs[0], where=where) for name in self.index_of_composite]
        return ruled(layers, self.output.layers, where=f"{self.name}: output.layers")

    def _model_bands(self, model: ModelSpec, collection: Collection, number: int) -> tuple[str, ...]:
        wanted = [model.input.bands[place] for place in self.channels[number]]
        try:
            found = match_bands(model.input, collection, wanted)
        except ModelError as error:
            raise self._of_model(error) from error
        return tuple(name for name in found if name is not None)

    def _of_model(self, error: ModelError) -> ProductError:
        return ProductError(f"{self.name}: {error.message}", fix=error.fix, field="model", **error.facts)

    def resolution(self, collection: Collection) -> float:
        """Edge of a pixel in metres: as the product says, else the model's, else the finest of the cube's bands."""
        if self.output.grid.resolution is not None:
            return self.output.grid.resolution
        if self.model_spec is not None:
            return self.model_spec.input.gsd
        return min(collection.bands[name].gsd for name in self.cube_spec(collection).bands)

    def grid_name(self, collection: Collection) -> str:
        """Name of the grid: as the product says, else the collection's own."""
        name = self.output.grid.name
        if name != "auto":
            return name
        return "EPSG:6933" if collection.grid == "equal-area" else collection.grid

    def pixel_digest(self, *collections: Collection | None) -> str:
        """See `swath.products.digest.pixel_digest`."""
        return pixel_digest(self, *collections)


def products() -> list[str]:
    """Names of the products that ship with Swath, sorted."""
    folder = resources.files("swath.products") / "shipped"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))
