"""Weights that others have learned, as far as they fit."""

from __future__ import annotations

import ipaddress
import math
import re
import shutil
import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import torch
from torch import nn

from swath.errors import ModelError
from swath.models.files import facts_of
from swath.models.package import WEIGHTS, weight_shapes
from swath.settings import settings

LIMIT = 4 * 2**30  #: bytes of a file that is fetched
REDIRECTS = 5  #: that are followed
_PIECE = 1 << 20  # bytes read at once
_NAMED = 4  # tensors that a line names
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Matched:
    """What became of each tensor.

    Attributes:
        source: Where the weights are from.
        sha256: Of the file, hex.
        loaded: Tensors that were taken.
        reshaped: Tensors of the same name with another shape, left as they were: theirs and the network's.
        missing: Of the network, not in the file: left as they were.
        unused: In the file, not of the network.
        numbers: How many numbers were taken, and how many the network has.
    """

    source: str
    sha256: str
    loaded: tuple[str, ...]
    reshaped: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    numbers: tuple[int, int]

    def __str__(self) -> str:
        taken, held = self.numbers
        tensors = len(self.loaded) + len(self.reshaped) + len(self.missing)
        lines = [
            f"Weights from {self.source}: {len(self.loaded)} of {tensors} tensors match, {taken:,} of {held:,} numbers."
        ]
        shapes = [f"{name} {theirs} for {ours}" for name, (theirs, ours) in self.reshaped.items()]
        for names, what in (
            (shapes, "of another shape, left fresh"),
            (self.missing, "not in the file, left fresh"),
            (self.unused, "in the file only, unused"),
        ):
            if names:
                more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                lines.append(f"  {len(names)} {what}: {', '.join(names[:_NAMED])}{more}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, for a package's provenance."""
        return {
            "source": self.source,
            "sha256": self.sha256,
            "loaded": list(self.loaded),
            "reshaped": {name: [list(theirs), list(ours)] for name, (theirs, ours) in self.reshaped.items()},
            "missing": list(self.missing),
            "unused": list(self.unused),
            "numbers": list(self.numbers),
        }


def load_pretrained(network: nn.Module, source: str | Path, *, sha256: str | None = None) -> Matched:
    """Take those weights of a safetensors file whose names and shapes are the network's.

    Nothing is unpickled. Numbers are turned into the network's dtype.

    Args:
        network: Changed in place; tensors that do not match stay as they are.
        source: A safetensors file, the folder of a model package, or an https URL of such a file.
        sha256: Of the file, hex; needed for a URL.

    Raises:
        ModelError: There is no such file, it is no safetensors file, its checksum is another, nothing matches, a number
            is not finite; or an address that is not fetched. Facts: source.
    """
    text = _shown(str(source))
    wanted = None if sha256 is None else sha256.strip().lower()
    if wanted is not None and not _SHA256.fullmatch(wanted):
        raise ModelError(f"{sha256!r} is no sha256.", fix="Give 64 hexadecimal digits.", source=text)
    with _file(str(source), wanted) as path:
        found = facts_of(path).sha256
        if wanted is not None and found != wanted:
            raise ModelError(
                f"The weights {text} have sha256 {found}, and {wanted} is asked for.",
                fix="Take the file anew from where it came, or correct the checksum if you trust this file.",
                source=text,
            )
        return _taken(network, path, text, found)


def _taken(network: nn.Module, path: Path, source: str, sha256: str) -> Matched:
    from safetensors import safe_open

    theirs, ours = weight_shapes(path), network.state_dict()
    loaded = [name for name, shape in theirs.items() if name in ours and shape == tuple(ours[name].shape)]
    if not loaded:
        raise ModelError(
            f"None of the {len(theirs)} tensors of {source} fits the network by name and shape: it has "
            f"{', '.join(list(theirs)[:_NAMED])}, the network {', '.join(list(ours)[:_NAMED])}.",
            fix="Use weights of a network with the same encoder and width, named as Swath names them.",
            source=source,
        )
    with safe_open(str(path), framework="pt") as file, torch.no_grad():
        for name in loaded:
            tensor = file.get_tensor(name)
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise ModelError(
                    f"Tensor {name!r} of {source} holds NaN or infinity.", fix="Use other weights.", source=source
                )
            ours[name].copy_(tensor)
    return Matched(
        source=source,
        sha256=sha256,
        loaded=tuple(loaded),
        reshaped={
            name: (shape, tuple(ours[name].shape))
            for name, shape in theirs.items()
            if name in ours and shape != tuple(ours[name].shape)
        },
        missing=tuple(name for name in ours if name not in theirs),
        unused=tuple(name for name in theirs if name not in ours),
        numbers=(sum(ours[name].numel() for name in loaded), sum(tensor.numel() for tensor in ours.values())),
    )


@contextmanager
def _file(source: str, sha256: str | None) -> Iterator[Path]:
    """A file on this machine, fetched if need be."""
    if "://" not in source:
        path = Path(source)
        path = path / WEIGHTS if path.is_dir() else path
        if not path.is_file():
            raise ModelError(
                f"There is no file {path}.", fix="Give a safetensors file, or the folder of a package.", source=source
            )
        yield path
        return
    _check_scheme(source, source)
    if sha256 is None:
        raise ModelError(
            f"The weights {_shown(source)} come from elsewhere, and no checksum is given.",
            fix="Give the sha256 that their publisher states.",
            source=_shown(source),
        )
    folder = Path(tempfile.mkdtemp(prefix="swath-weights-"))
    try:
        path = folder / WEIGHTS
        _fetch(source, path)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fetch(url: str, path: Path) -> None:
    """Download a file.

    Raises:
        ModelError: No https, a private address, too many redirects, too large, or it cannot be had.
    """
    import urllib3

    # no proxy: through one, nobody here knows whose address answers
    with urllib3.PoolManager(ssl_context=ssl.create_default_context()) as pools:
        pools.pool_classes_by_scheme = {"https": _pool()}
        here = url
        for _ in range(REDIRECTS + 1):
            _check_scheme(here, url)
            try:
                answer = pools.request(
                    "GET", here, redirect=False, retries=False, preload_content=False, timeout=settings().read_timeout_s
                )
            except urllib3.exceptions.HTTPError as error:
                raise _lost(url, type(error).__name__) from error
            try:
                forward = answer.get_redirect_location()
                if not forward:
                    _save(answer, url, path)
                    return
                here = urljoin(here, forward)
            finally:
                answer.release_conn()
                answer.close()
    raise _lost(url, f"it leads on more than {REDIRECTS} times")


def _save(answer: Any, url: str, path: Path) -> None:
    import urllib3

    if answer.status != 200:
        raise _lost(url, f"the server answers {answer.status}")
    stated = answer.headers.get("Content-Length", "")
    if stated.isdecimal() and int(stated) > LIMIT:
        raise _large(url, int(stated))
    size = 0
    try:
        with path.open("wb") as file:
            for piece in answer.stream(_PIECE, decode_content=False):
                size += len(piece)
                if size > LIMIT:
                    raise _large(url, size)
                file.write(piece)
    except urllib3.exceptions.HTTPError as error:
        raise _lost(url, type(error).__name__) from error


def _pool() -> Any:
    """Connections that look at the address which answers before anything is said to it."""
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPSConnectionPool

    class Connection(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            address = str(made.getpeername()[0])
            if not is_public(address):
                made.close()
                raise ModelError(
                    f"{self.host} is at {address}, which is no public address; weights are not fetched from there.",
                    fix="Fetch the file yourself and give its path.",
                    source=self.host,
                )
            return made

    class Pool(HTTPSConnectionPool):
        ConnectionCls = Connection

    return Pool


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet."""
    found = ipaddress.ip_address(address.split("%")[0])
    inner = getattr(found, "ipv4_mapped", None)
    return (inner or found).is_global and not found.is_multicast


def _check_scheme(here: str, url: str) -> None:
    parts = urlsplit(here)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.password:
        to = "" if here == url else f" leads to {_shown(here)}, which"
        raise ModelError(
            f"{_shown(url)}{to} is no https address, or has a password in it; weights are not fetched from there.",
            fix="Give an https URL, or fetch the file yourself and give its path.",
            source=_shown(url),
        )


def _shown(source: str) -> str:
    """A source without what a URL may hold of secrets: query, name and password."""
    if "://" not in source:
        return source
    parts = urlsplit(source)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _lost(url: str, why: str) -> ModelError:
    return ModelError(
        f"The weights {_shown(url)} cannot be fetched: {why}.",
        fix="Try again, or fetch the file yourself and give its path.",
        source=_shown(url),
    )


def _large(url: str, size: int) -> ModelError:
    return ModelError(
        f"The weights {_shown(url)} have {math.ceil(size / 2**20)} MiB, and {LIMIT // 2**20} are fetched at most.",
        fix="Fetch the file yourself and give its path.",
        source=_shown(url),
    )
