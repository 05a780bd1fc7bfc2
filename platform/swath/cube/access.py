"""How the files of a collection are reached: signed hrefs and GDAL's options for its provider."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import rasterio

from swath.cube.gdal import gdal_env
from swath.sources import gdal_options
from swath.sources import sign as sign_href
from swath.sources.facts import Collection

Sign = Callable[[str], str]


@dataclass(frozen=True)
class Access:
    """Reaches the files of one collection; compares by its key, pickles into graphs.

    Attributes:
        key: Of the collection.
        collection: Its facts.
        given: The caller's own way of signing, if there is one.
    """

    key: str
    collection: Collection = field(compare=False, repr=False)
    given: Sign | None = None

    @classmethod
    def of(cls, collection: Collection, sign: Sign | None = None) -> Access:
        """The access that a collection's facts ask for, or the caller."""
        return cls(collection.key, collection, sign)

    def sign(self, href: str, *, renew: bool = False) -> str:
        """An href that may be read now; `renew` after a refusal.

        Raises:
            CredentialsError: The provider refuses, or a variable is missing.
        """
        if self.given is not None:
            return self.given(href)
        return sign_href(href, self.collection, renew=renew)

    def options(self) -> dict[str, str]:
        """GDAL's options for the provider, as they stand now.

        Raises:
            CredentialsError: A token is missing or has run out.
        """
        return gdal_options(self.collection)

    def env(self, hrefs: Iterable[str], options: dict[str, str]) -> rasterio.Env:
        """A context for one thread to read these in."""
        # what the caller signs can become any kind of href: the options for remote files do no harm to local ones
        return gdal_env([*hrefs, *(["https://"] if self.given else [])], options=options)
