"""What a Ray job is asked to do: a small JSON in the store, by whose URI it is named, and how it ended."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from swath.errors import StoreError
from swath.store.base import MissingKeyError, Store

# specs/<id>.json            what to do
# specs/<id>/<job>.json      how that job ended
FOLDER = "specs"

Command = Literal["train", "tune", "assess", "update"]
Kind = Literal["map", "train", "tune", "assess", "update"]


def versions() -> dict[str, str]:
    """What both sides of a job must have alike: Swath and Python, as 3.11."""
    return {"swath": version("swath"), "python": ".".join(platform.python_version_tuple()[:2])}


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    swath: str = Field(
        default_factory=lambda: versions()["swath"],
        description="Swath that wrote this; the job must have the same.",
    )
    python: str = Field(
        default_factory=lambda: versions()["python"], description="Python, as 3.11; the job must have the same."
    )


class MapSpec(_Spec):
    """Carry a committed plan out."""

    kind: Literal["map"] = "map"
    root: str = Field(description="Folder of product and version in the store.")
    run: str = Field(description="Id of the run: its plan is committed.")
    workers: int | None = Field(default=None, ge=1, description="Most workers; by default what the cores allow.")
    stale: Literal["keep", "redo"] | None = Field(default=None, description="Tiles made by older code.")
    complete: bool = Field(default=False, description="Make units again that were made without some of their files.")


class CommandSpec(_Spec):
    """Do what a command of `swath` does."""

    kind: Command
    arguments: tuple[str, ...] = Field(description="What follows `swath train`, without --cluster and --json.")


JobSpec = Annotated[MapSpec | CommandSpec, Field(discriminator="kind")]
_SPECS: TypeAdapter[MapSpec | CommandSpec] = TypeAdapter(JobSpec)


class JobEnd(BaseModel):
    """How a job ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: str = Field(description="Submission id.")
    exit_code: int
    result: dict[str, Any] | None = Field(default=None, description="What the command would print with --json.")
    text: str | None = Field(default=None, description="The result as the command would show it to a person.")
    error: dict[str, Any] | None = Field(default=None, description="SwathError as JSON: type, message, fix.")


def write_spec(store: Store, spec: MapSpec | CommandSpec) -> str:
    """Write a spec under the digest of its content; the same spec has the same URI.

    Returns:
        Its URI: `s3://…/specs/<id>.json` or a path.
    """
    key, data = _named(spec)
    store.put_bytes(key, data)
    return store.url(key)


def spec_uri(store: Store, spec: MapSpec | CommandSpec) -> str:
    """The URI of a spec, whether it is written yet or not."""
    return store.url(_named(spec)[0])


def _named(spec: MapSpec | CommandSpec) -> tuple[str, bytes]:
    """Key and content of a spec."""
    data = spec.model_dump_json(indent=1).encode()
    return f"{FOLDER}/{hashlib.sha256(data).hexdigest()[:12]}.json", data


def read_spec(uri: str) -> tuple[Store, MapSpec | CommandSpec]:
    """The store of a spec and the spec.

    Raises:
        StoreError: There is none at this URI, or it cannot be read.
    """
    store, key = _place(uri)
    try:
        return store, _SPECS.validate_json(store.read_bytes(key))
    except MissingKeyError:
        raise StoreError(
            f"There is no spec at {uri}.",
            fix="Give a store that the machines of the cluster reach: s3://, or a folder that they share.",
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreError(
            f"{uri} is no spec of this version: {where}: {first['msg']}.",
            fix="Submit it anew with the version of Swath that the cluster has.",
        ) from error


def write_end(uri: str, end: JobEnd) -> None:
    """Keep how a job ended, beside its spec."""
    store, key = _place(uri)
    store.put_bytes(f"{key.removesuffix('.json')}/{end.job}.json", end.model_dump_json(indent=1).encode())


def read_end(uri: str, job: str) -> JobEnd | None:
    """How a job ended; None when it has not said so: it goes on, or was killed."""
    store, key = _place(uri)
    try:
        return JobEnd.model_validate_json(store.read_bytes(f"{key.removesuffix('.json')}/{job}.json"))
    except MissingKeyError:
        return None


def _place(uri: str) -> tuple[Store, str]:
    root, mark, name = uri.rpartition(f"/{FOLDER}/")
    if not mark or not root or "/" in name or not name.endswith(".json"):
        raise StoreError(f"{uri!r} is no URI of a spec.", fix=f"It is written <store>/{FOLDER}/<id>.json.")
    return Store.open(root), f"{FOLDER}/{name}"
