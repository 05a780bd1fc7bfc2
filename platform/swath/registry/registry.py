"""Released models: registered once, named by version or alias, fetched with every byte checked."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from swath.errors import ModelError
from swath.forms import suggest
from swath.models import Package
from swath.models.files import CARD
from swath.registry.collection import model_collection
from swath.registry.contract import differences
from swath.registry.packages import cached, download, put_package
from swath.registry.references import (
    ALIASES,
    CLAIM,
    COLLECTION,
    Reference,
    alias_name,
    is_version,
    model_name,
    version_name,
)
from swath.store import MissingKeyError, Store

_TRIES = 50  #: of a change that others make at the same time


@dataclass(frozen=True)
class Version:
    """A version of a model, complete.

    Attributes:
        name: Of the model.
        version: Of the registry; never used again.
        digest: sha256 of what decides the package's results.
        registered: When, RFC 3339.
        aliases: That point to it.
    """

    name: str
    version: str
    digest: str
    registered: str
    aliases: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


class Registry:
    """Models in a folder or an s3:// prefix. A version never changes; an alias points to one version at a time.

    Args:
        store: The folder.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    @classmethod
    def open(cls, where: str | os.PathLike[str]) -> Registry:
        """The registry in a folder or at an s3:// prefix; it need not be there yet.

        Raises:
            StoreError: It cannot be one.
        """
        return cls(Store.open(os.fspath(where)))

    def __repr__(self) -> str:
        return f"Registry({self.store.root!r})"

    def names(self) -> list[str]:
        """All models, sorted."""
        return sorted({key.partition("/")[0] for key, _ in self.store.list() if key.count("/") == 2})

    def versions(self, name: str) -> list[Version]:
        """Complete versions of a model, the oldest first; empty for an unknown one."""
        model_name(name)
        keys = [key.split("/") for key, _ in self.store.list(name)]
        done = sorted({parts[1] for parts in keys if len(parts) == 3 and parts[2] == CARD}, key=_order)
        pointed = self.aliases(name) if done else {}
        made = []
        for version in done:
            claim = self._claimed(name, version)
            aliases = tuple(sorted(alias for alias, at in pointed.items() if at == version))
            made.append(Version(name, version, claim["digest"], claim["registered"], aliases))
        return made

    def aliases(self, name: str) -> dict[str, str]:
        """Version of each alias of a model."""
        return self._aliases(name)[0]

    def register(
        self, package: Package, *, name: str | None = None, version: str | None = None
    ) -> tuple[Version, bool]:
        """Keep a package. The same package again is the version that it has already.

        Args:
            package: That was checked.
            name: Of the model; the package's own by default.
            version: The next whole number by default.

        Returns:
            Its version, and whether it is new.

        Raises:
            ModelError: The version is taken by another package.
            StoreError: The registry cannot be written.
        """
        name = model_name(name or package.spec.name)
        for known in self.versions(name):
            if known.digest == package.digest and version in (None, known.version):
                return known, False
        taken = self._claim(name, package, None if version is None else version_name(version))
        put_package(package, self.store, f"{name}/{taken}")
        self._describe(name)
        return self.find(Reference(name, taken)), True

    def find(self, reference: Reference) -> Version:
        """The version that a reference means.

        Raises:
            ModelError: No such model, version or alias; names those that there are.
        """
        versions = self.versions(reference.name)
        if not versions:
            names = self.names()
            raise ModelError(
                f"The registry {self.store.root} has no model {reference.name!r}.",
                fix=suggest(reference.name, names) or "Register one with swath models register PACKAGE.",
                value=reference.name,
                choices=names,
            )
        for version in versions:
            if reference.at == version.version or reference.at in version.aliases:
                return version
        choices = [version.version for version in versions]
        choices += sorted(alias for version in versions for alias in version.aliases)
        raise ModelError(
            f"Model {reference.name} has no {'version' if reference.is_version else 'alias'} {reference.at!r}.",
            fix=suggest(reference.at, choices),
            value=reference.at,
            choices=choices,
        )

    def card(self, version: Version) -> dict[str, Any]:
        """`model.json` of a version."""
        return dict(json.loads(self.store.read_bytes(f"{version.name}/{version.version}/{CARD}")))

    def fetch(self, reference: Reference) -> Package:
        """A version as a package in this machine's cache, each byte checked.

        Raises:
            ModelError: There is none, or what is kept is not what was registered.
        """
        version = self.find(reference)
        package = cached(version.digest, lambda into: self._download(version, into))
        if package.digest != version.digest:
            raise ModelError(
                f"{package.folder} does not hold {version}.",
                fix="Remove that folder and try again.",
                path=str(package.folder),
            )
        return package

    @contextmanager
    def borrowed(self, version: Version) -> Iterator[Package]:
        """A version read anew from the registry into a folder that is gone afterwards.

        Raises:
            ModelError: What is kept is not what was registered.
        """
        with tempfile.TemporaryDirectory(prefix="swath-model-") as folder:
            yield self._download(version, Path(folder, "package"))

    def promote(self, version: Version, alias: str) -> str | None:
        """Let an alias point to a version.

        Args:
            version: That takes it.
            alias: As `production`.

        Returns:
            The version that had it before; None where it is new.

        Raises:
            ModelError: Inputs or legend are not those of the version that has the alias: they are named.
        """
        alias_name(alias)
        before: str | None = None

        def change(held: dict[str, str]) -> dict[str, str]:
            nonlocal before
            before = held.get(alias)
            if before is not None and before != version.version:
                self._same_contract(version, before, alias)
            return {**held, alias: version.version}

        self._change_aliases(version.name, change)
        self._describe(version.name)
        return before

    def _same_contract(self, version: Version, before: str, alias: str) -> None:
        with self.borrowed(version) as new, self.borrowed(self.find(Reference(version.name, before))) as old:
            parted = differences(new.spec, old.spec)
        if parted:
            raise ModelError(
                f"{version} cannot take the alias {alias!r} of {version.name}@{before}: {'; '.join(parted)}.",
                fix="Whoever asks for the alias relies on these. Give it another alias, or register it under another "
                "name.",
                differences=parted,
            )

    def _claim(self, name: str, package: Package, version: str | None) -> str:
        """A version for a package; one that this package claimed before and did not complete is taken up again."""
        told = {"digest": package.digest, "registered": _now()}
        for _ in range(_TRIES):
            claims = {key.split("/")[1] for key, _ in self.store.list(name) if key.endswith(f"/{CLAIM}")}
            if version is None:
                again = [v for v in claims if self._claimed(name, v)["digest"] == package.digest]
                if again:
                    return max(again, key=_order)
                wanted = str(max((_order(v)[0] for v in claims), default=0) + 1)
            else:
                wanted = version
            if self.store.create(f"{name}/{wanted}/{CLAIM}", json.dumps(told, indent=1).encode()):
                return wanted
            if self._claimed(name, wanted)["digest"] == package.digest:
                return wanted
            if version is not None:
                raise ModelError(
                    f"{name}@{version} is taken by another package: a version never changes.",
                    fix="Leave --version out, or give one that is free.",
                    value=version,
                )
        raise ModelError(f"{name}: no version could be claimed.", fix="Others register at this moment; try again.")

    def _claimed(self, name: str, version: str) -> dict[str, str]:
        return dict(json.loads(self.store.read_bytes(f"{name}/{version}/{CLAIM}")))

    def _download(self, version: Version, folder: Path) -> Package:
        root = f"{version.name}/{version.version}"
        package = download(self.store, root, folder, without=CLAIM)
        if package.digest != version.digest:
            raise ModelError(
                f"{version} is refused: what is kept in {self.store.root} is not what was registered.",
                fix="Register the package again under a new version, and promote that.",
                path=self.store.url(f"{root}/{CARD}"),
            )
        return package

    def _aliases(self, name: str) -> tuple[dict[str, str], str | None]:
        try:
            data, mark = self.store.read_versioned(f"{name}/{ALIASES}")
        except MissingKeyError:
            return {}, None
        told = json.loads(data)
        return {alias: at for alias, at in told.items() if is_version(at)}, mark

    def _change_aliases(self, name: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        """Change the aliases so that of two who do it at once neither undoes the other."""
        for _ in range(_TRIES):
            held, mark = self._aliases(name)
            data = json.dumps(change(held), indent=1, sort_keys=True).encode()
            key = f"{name}/{ALIASES}"
            if self.store.create(key, data) if mark is None else self.store.replace(key, data, version=mark):
                return
        raise ModelError(f"The aliases of {name} could not be written.", fix="Others change them now; try again.")

    def _describe(self, name: str) -> None:
        """Write the STAC collection of a model's versions: made from what stands there, so that it can lag, not lie."""
        versions = self.versions(name)
        cards = [self.card(version) for version in versions]
        made = model_collection(name, [(v.version, v.aliases, card) for v, card in zip(versions, cards, strict=True)])
        self.store.put_bytes(f"{name}/{COLLECTION}", (json.dumps(made, indent=1, ensure_ascii=False) + "\n").encode())


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _now() -> str:
    return datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
