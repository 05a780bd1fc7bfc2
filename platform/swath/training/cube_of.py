"""What a product that maps with a model says before it has one: the cube of its chips, the classes of its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from swath.errors import ProductError
from swath.products import Product


def chips_product(product: Product, bands: Sequence[str]) -> Product:
    """The cube that a product's model will read, with its bands named: mask, composite and grid stay.

    Later inputs stay too: the settings of the chips choose among them (`chosen_inputs`).

    Args:
        product: One with a model (none chosen yet), or a composite.
        bands: Of the first input: names, common names or kinds, as a product's `bands`.

    Raises:
        ProductError: No bands.
    """
    if not bands:
        raise ProductError(f"{product.name}: chips need bands.", fix="Name some, such as reflectance.", field="bands")
    data = product.model_dump(mode="json")
    data["inputs"][0]["bands"] = list(bands)
    data["model"] = data["forest"] = None
    # rules are of the layers that the model gives; chips have those of the cube
    data["output"]["layers"] = {}
    return Product.model_validate(data)


def known_classes(product: Product) -> dict[int, str]:
    """Names of a product's classes by code, in the order of its legend.

    Raises:
        ProductError: It has no legend.
    """
    if product.model is None or product.model.legend is None:
        raise ProductError(f"{product.name} has no legend of classes.", fix="Take a product such as landcover.")
    return {one.code: one.name for one in product.model.legend.classes}


def other_names(product: Product) -> Mapping[str, str | None]:
    """Names that labels and models give to a product's classes."""
    return {} if product.model is None else product.model.names
