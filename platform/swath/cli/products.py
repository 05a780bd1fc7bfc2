"""`swath product`: what can be mapped."""

from __future__ import annotations

from typing import Annotated

import typer
import yaml

from swath import products
from swath.cli.options import Json
from swath.cli.output import key_values, reported

app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of a shipped product, or a YAML file.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Override a field, as inputs.0.collection=….")
]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """The products that ship."""
    with reported(as_json) as out:
        found = [products.Product.load(name) for name in products.products()]
        out.result(
            {"products": [{"name": p.name, "version": p.version, "title": p.title} for p in found]},
            lambda console: key_values(console, [(p.name, f"{p.version}  {p.title}") for p in found]),
        )


@app.command()
def show(name: Name, overrides: Overrides = None, as_json: Json = False) -> None:
    """A product with all its fields, defaults and overrides included."""
    with reported(as_json) as out:
        product = products.Product.load(name).with_overrides(overrides or [])
        values = product.model_dump(mode="json")
        out.result(values, lambda console: console.print(yaml.safe_dump(values, sort_keys=False), markup=False, end=""))


@app.command()
def check(file: Name, as_json: Json = False) -> None:
    """Whether a product file is right; names the field and the choices where it is not."""
    with reported(as_json) as out:
        product = products.check(file)
        out.result(
            {"ok": True, "name": product.name, "version": product.version},
            lambda console: console.print(f"{file}: {product.name} {product.version} is right."),
        )


@app.command()
def template(as_json: Json = False) -> None:
    """A commented product file with every field, to start from: swath product template > mine.yaml."""
    with reported(as_json) as out:
        text = products.template()
        out.result({"template": text}, lambda console: console.print(text, markup=False, end=""))
