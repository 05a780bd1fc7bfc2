"""Ray's token authentication, which stays on: Ray listens on all interfaces of a machine."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TOKENS = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


@contextmanager
def own_token() -> Iterator[None]:
    """A new token for a cluster that this process starts, known to it and its children only while the block runs.

    Tested with Ray 2.60: the variables count when they are set before `import ray`; Ray keeps its first look at
    them, and is told to look again when it has been imported already.
    """
    names = ("RAY_AUTH_MODE", *_TOKENS)
    before = {name: os.environ.get(name) for name in names}
    os.environ.pop("RAY_AUTH_TOKEN_PATH", None)
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    _look_again()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _look_again()


def use_given_token() -> None:
    """Switch token authentication on when the environment brings a token for a running cluster but names no mode."""
    if any(os.environ.get(name) for name in _TOKENS) and "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
    _look_again()


def _look_again() -> None:
    if "ray" in sys.modules:
        from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

        # in this order, as Ray's own tests do: a token must not be dropped while the mode still asks for one
        Config.initialize("")
        AuthenticationTokenLoader.instance().reset_cache()
