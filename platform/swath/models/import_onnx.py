"""Somebody else's network into a package."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from swath.models.card import Card
from swath.models.onnx_file import count_weights, dry_run, fit_shapes, read_graph
from swath.models.package import Package


def import_onnx(
    file: Path, card: Card | Path, out: Path, *, replace: bool = False, created: datetime | None = None
) -> Package:
    """Make a package of an ONNX file.

    The file is taken byte for byte, unless it leaves the shape of windows open: that is fixed to the card's window.

    Args:
        file: The network.
        card: What the file does not say: bands, units, scaling, classes. Or a YAML file of it.
        out: Folder to make.
        replace: Put it in the place of a package that stands there.
        created: When the package was made; now, unless given.

    Raises:
        ModelError: The card lacks something, or the file is not what it says: see `swath.models.onnx_file`.
    """
    card = card if isinstance(card, Card) else Card.read(card)
    spec = card.spec()
    model = read_graph(file)
    changed = fit_shapes(model, spec, file)
    data = model.SerializeToString() if changed else file.read_bytes()
    dry_run(data, spec, file)
    provenance = card.provenance(created=created, parameters=count_weights(model))
    return Package.write(out, spec, provenance=provenance, onnx=data, replace=replace)
