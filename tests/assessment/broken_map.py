"""What one check finds in a copy of the good map that was broken in one way."""

from swath.assessment.audit import AuditedMap, audit_step

from .good_map import TILES

MIDDLE, CORNER = TILES[4], TILES[0]

#: Checks that need the whole map, and the layers that are enough for them; others look at each tile by itself.
WHOLE = {
    "plan": ("count",),
    "tile edges": ("class", "agb"),
    "swath edges": ("class", "agb", "count"),
    "applicability": ("dissimilarity", "applicable"),
    "shares against neighbours": ("class",),
    "shares against the version before": ("class",),
}


def found(broken, check, **options):
    """What one check finds in a broken map; in two tiles of it where a check looks at each by itself."""
    (one,) = AuditedMap.open_all(broken.folder)
    if check in WHOLE:
        layers = one.collection["item_assets"]
        one.collection["item_assets"] = {layer: layers[layer] for layer in WHOLE[check]}
    else:
        two = (f"{MIDDLE.id}", f"{CORNER.id}")
        one.__dict__["units"] = tuple(unit for unit in one.units if unit.tile.id in two)
    (finding,) = audit_step(one, only=[check], **options).findings
    return finding
