"""Weights that a training starts from."""

from __future__ import annotations

import json

from swath.models.network import Network
from swath.models.pretrained import load_pretrained
from swath.store import Store
from swath.training.config import Pretrained
from swath.training.curves import PRETRAINED


def start_from(pretrained: Pretrained, network: Network, out: Store) -> None:
    """Load weights into a network, and keep in the training's store what of them fitted.

    Args:
        pretrained: File or URL.
        network: Takes those that fit; the others stay as they are.
        out: Of the training.

    Raises:
        ModelError: They cannot be read, or nothing of them fits.
    """
    matched = load_pretrained(network, pretrained.source, sha256=pretrained.sha256)
    out.put_bytes(PRETRAINED, json.dumps({**matched.to_dict(), "text": str(matched)}, indent=1).encode())
