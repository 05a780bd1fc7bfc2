"""What the end-to-end tests share."""

from support.several import several_world  # noqa: F401
from support.small_world import mapped, small_world  # noqa: F401
