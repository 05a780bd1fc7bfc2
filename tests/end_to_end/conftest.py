"""What the end-to-end tests share."""

from support.small_world import mapped, small_world  # noqa: F401
