"""A product file to begin with, and what of one can be tried before anything is searched."""

from __future__ import annotations

from pathlib import Path

from swath.forms import commented
from swath.products.product import Product


def template() -> str:
    """A commented product file made from the schema; it validates as it stands."""
    head = "# A Swath product: each field with its meaning, choices and default. What stands at its default can go.\n\n"
    return head + commented(Product)


def check(path: str | Path) -> Product:
    """Load a product and try all that can be known without items.

    Fields and indices always, bands and layers too if the product names its collections.

    Raises:
        ProductError: The first fault.
        CollectionError: The collection named has no facts.
    """
    product = Product.load(path)
    keys = [given.collection for given in product.inputs]
    if "auto" not in keys:
        from swath.sources import collection

        product.layers(*map(collection, keys))
    return product
