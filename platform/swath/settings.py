"""SWATH_* settings, in one place."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What a machine or an operator decides; a product or a run never reads the environment elsewhere.

    Every field is an environment variable with the prefix `SWATH_`, for example `SWATH_READ_TIMEOUT_S=30`.
    """

    model_config = SettingsConfigDict(env_prefix="SWATH_", extra="ignore")

    cache: Path = Field(
        default=Path("~/.cache/swath"),
        description="Folder for compiled kernels and other things that can be made again.",
    )
    registry: str = Field(
        default="",
        description="Folder or s3:// prefix of the registry of models, unless `--registry` names one.",
    )
    rates: str = Field(
        default="",
        description="Folder or s3:// prefix of measured rates (`swath calibrate`); ~/.config/swath/rates by default.",
    )
    read_timeout_s: float = Field(default=60, gt=0, description="Longest time for one read of one asset, seconds.")
    read_attempts: int = Field(default=4, ge=1, description="Tries of one flaky read, the first included.")
    backoff_s: float = Field(default=0.5, gt=0, description="First wait between tries, seconds; doubles, with jitter.")
    host_rate: float = Field(
        default=200, gt=0, description="Requests a second to one host, over all threads of a process."
    )
    unit_timeout_s: float = Field(default=3600, gt=0, description="Longest time for one unit, seconds.")
    unit_attempts: int = Field(default=3, ge=1, description="Tries of one unit when its worker dies.")
    read_threads: int = Field(
        default=0, ge=0, description="Threads that read in one worker; 0 means one a core it has."
    )
    memory_fraction: float = Field(
        default=0.6, gt=0, le=1, description="Share of a worker's memory that units in flight may take."
    )
    search_page: int = Field(default=250, ge=1, description="Items a page asked of a STAC API; halved when it refuses.")
    search_attempts: int = Field(default=8, ge=1, description="Tries of one page of a search.")
    lease_s: float = Field(default=60, gt=0, description="A lease without a heartbeat for this long is taken over.")
    progress_s: float = Field(default=5, gt=0, description="How often the driver writes progress.json, seconds.")


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once. Tests call `settings.cache_clear()`."""
    return Settings()
