"""What of a product's fields fits together, before any collection is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swath.cube import Method, index_name
from swath.errors import ProductError
from swath.models.spec import LOCATION
from swath.products.forest import check_forest
from swath.products.inputs import MODEL_BANDS, Input

if TYPE_CHECKING:
    from swath.products.product import Product

#: Stands for the first input where it has no name.
FIRST = "first"
_RESERVED = {
    LOCATION: "that name stands for each pixel's place.",
    FIRST: "that name stands for the first input.",
}


def check_fields(product: Product, *, where: str) -> None:
    """Refuse fields that contradict each other.

    Args:
        product: To look at.
        where: Names it in messages.

    Raises:
        ProductError: Names the field, its value, and what to write.
    """
    names = [index_name(name) for name in product.index_of_composite]
    if len(set(names)) < len(names):
        raise ProductError(
            f"{where}: index_of_composite names an index twice: {', '.join(names)}.",
            fix="Name each once.",
            field="index_of_composite",
        )
    method = product.inputs[0].composite.method
    if names and method is Method.PERCENTILE:
        raise ProductError(
            f"{where}: index_of_composite needs one value a band, and method {method.value!r} gives several.",
            fix="Drop the indices, or take another method.",
            field="index_of_composite",
        )
    check_forest(product, where=where)
    for number, given in enumerate(product.inputs):
        _check_model(product, given, names, number, where=where)
    _check_names(product.inputs, where=where)


def _check_model(product: Product, given: Input, indices: list[str], number: int, *, where: str) -> None:
    method = given.composite.method
    if product.model is not None and (indices or method is Method.PERCENTILE):
        raise ProductError(
            f"{where}: a model takes one value a band and gives the layers: index_of_composite is {indices}, the "
            f"method {method.value!r}.",
            fix="Drop the indices; take another method.",
            field="model",
        )
    defines = product.forest is not None and given.name in product.forest.inputs
    if (MODEL_BANDS in given.bands) != (product.model is not None) and not defines:
        raise ProductError(
            f"{where}: inputs.{number}.bands is {list(given.bands)}; a product with a model reads the bands "
            f"that the model takes, [{MODEL_BANDS}], and only such a product.",
            fix=f"Write bands: [{MODEL_BANDS}] with `model`, names of bands without.",
            field=f"inputs.{number}.bands",
        )


def _check_names(inputs: tuple[Input, ...], *, where: str) -> None:
    known: set[str | None] = set()
    for number, given in enumerate(inputs):
        field = f"inputs.{number}.name"
        if (number and given.name in (None, FIRST)) or given.name == LOCATION:
            raise ProductError(
                f"{where}: {field} is {given.name!r}: "
                + _RESERVED.get(given.name or "", "only the first may go without one."),
                fix="Name it by what it is, as `radar`.",
                field=field,
                value=given.name,
            )
        if given.name in known:
            raise ProductError(
                f"{where}: two inputs are called {given.name!r}.", fix="Give each its own name.", field=field
            )
        known.add(given.name)
        if given.optional and (number == 0 or given.collection == "auto"):
            raise ProductError(
                f"{where}: inputs.{number}.optional is true, and "
                + (
                    "the first input gives grid and steps."
                    if number == 0
                    else "its collection 'auto': where no item is, nothing would say what it is."
                ),
                fix="Put another input first." if number == 0 else f"Name inputs.{number}.collection.",
                field=f"inputs.{number}.optional",
            )
