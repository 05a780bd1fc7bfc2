"""A shard: the chips of one unit in a safetensors file; numbers only, nothing runs when it is opened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.store import Store

FOLDER = "shards"
_TYPES = {
    "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32", "F32": "float32",
}  # fmt: skip


def shard_key(unit: str) -> str:
    """Where the chips of a unit stand."""
    return f"{FOLDER}/{unit}.safetensors"


def pack(tensors: dict[str, NDArray[Any]], facts: dict[str, Any]) -> bytes:
    """A shard's bytes: the same for the same content.

    Args:
        tensors: First axis is that of the chips.
        facts: JSON-ready; one entry of the header.
    """
    from safetensors.numpy import save

    whole = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    return save(whole, {"swath": json.dumps(facts, sort_keys=True)})


@dataclass
class Shard:
    """An open shard. Rows of a local file are mapped, those of a remote one are fetched.

    Attributes:
        store: Where it stands.
        key: In the store.
    """

    store: Store
    key: str

    @cached_property
    def _head(self) -> tuple[dict[str, Any], int]:
        size = int.from_bytes(self.store.read_bytes(self.key, 0, 8), "little")
        data = self.store.read_bytes(self.key, 8, 8 + size) if 0 < size < 1 << 28 else b""
        try:
            return json.loads(data), 8 + size
        except ValueError as error:
            raise LabelError(
                f"{self.store.url(self.key)} is no shard of chips: {error}.", fix="Remove it and cut the chips again."
            ) from error

    @property
    def facts(self) -> dict[str, Any]:
        """What `pack` was given."""
        return dict(json.loads(self._head[0]["__metadata__"]["swath"]))

    @cached_property
    def _mapped(self) -> NDArray[np.uint8] | None:
        if not self.store.is_local:
            return None
        return np.memmap(self.store.url(self.key), np.uint8, mode="r")

    def rows(self, name: str, rows: Sequence[int] | None = None) -> NDArray[Any]:
        """Some rows of a tensor, or all, as a copy."""
        head, begin = self._head
        told = head[name]
        dtype = np.dtype(_TYPES[told["dtype"]])
        number, *rest = told["shape"]
        each = int(np.prod(rest, dtype=np.int64)) * dtype.itemsize
        begin += told["data_offsets"][0]
        chosen = np.arange(number) if rows is None else np.asarray(rows, np.int64)
        out = np.empty((len(chosen), *rest), dtype)
        # rows that follow each other come in one read: over a network it is the reads that cost
        runs = np.flatnonzero(np.diff(chosen, prepend=-2) != 1).tolist()
        for first, last in zip(runs, [*runs[1:], len(chosen)], strict=True):
            start, length = begin + int(chosen[first]) * each, (last - first) * each
            data = np.frombuffer(self._bytes(start, start + length), dtype)
            out[first:last] = data.reshape((last - first, *rest))
        return out

    def _bytes(self, first: int, last: int) -> Any:
        if self._mapped is not None:
            return self._mapped[first:last]
        return self.store.read_bytes(self.key, first, last)
