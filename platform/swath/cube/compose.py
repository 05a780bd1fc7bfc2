"""The hot path: scenes of a tile to one composite, in strips, reading while reducing."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import numpy as np

from swath.cube.access import Access, Sign
from swath.cube.adjust import check_mix
from swath.cube.composite import Composite, Reducer, assemble
from swath.cube.files import Files
from swath.cube.layers import check
from swath.cube.spec import CubeSpec
from swath.cube.strips import job_of, pixel_bytes, run
from swath.errors import ReadError, UnitError
from swath.grid.tiles import Tile
from swath.settings import settings
from swath.sources.facts import Collection
from swath.sources.scenes import Scene

#: Memory for the dates of the windows that are read and reduced at one time, unless the caller says otherwise.
DEFAULT_BUDGET = 1 << 30


def composite_bytes(
    scenes: int, tile: Tile, spec: CubeSpec, collection: Collection, budget_bytes: int = DEFAULT_BUDGET
) -> int:
    """Peak memory of `compose`: dates of the windows in flight, and the composite itself.

    Args:
        scenes: How many.
        tile: Its size counts.
        spec: Bands and method.
        collection: Facts.
        budget_bytes: As given to `compose`.
    """
    pixels = tile.shape[0] * tile.shape[1]
    reducer = Reducer(spec, collection)
    layers = sum(np.dtype(facts.dtype).itemsize for facts in reducer.layers.values()) + 4
    return min(budget_bytes, pixels * pixel_bytes(scenes, spec, collection)) + layers * pixels


def compose(
    scenes: Sequence[Scene],
    tile: Tile,
    spec: CubeSpec,
    *,
    collection: Collection,
    threads: int | None = None,
    budget_bytes: int = DEFAULT_BUDGET,
    sign: Sign | None = None,
) -> Composite:
    """Read, harmonise, mask and reduce the scenes of a tile.

    Args:
        scenes: Of one time step, in any order; the result does not depend on it.
        tile: Lattice of the result.
        spec: Bands, masks, method.
        collection: Facts of the scenes' collection.
        threads: That read and reduce; SWATH_READ_THREADS, or one a core, unless given.
        budget_bytes: For the dates of the windows in flight, however many dates there are.
        sign: Turns an href into one that may be read; as the collection's facts say unless given.

    Returns:
        The composite on the tile's lattice.

    Raises:
        CollectionError, ProductError: The spec asks for what cannot be; nothing has been read.
        UnitError: Files could not be read (facts `reads`: all of them, by href), and the spec says fail; or no scene
            was left.
        OutOfMemoryError: Not even a small window of all dates fits the budget.
    """
    check(spec, collection)
    check_mix((scene.platform for scene in scenes), spec, collection)
    reducer = Reducer(spec, collection)
    threads = threads or settings().read_threads or len(os.sched_getaffinity(0))
    left = list(scenes)
    skipped: list[ReadError] = []
    started = time.perf_counter()
    while True:
        if not left:
            raise _unit_error(tile, skipped, len(scenes))
        job = job_of(left, tile, spec, collection, reducer, threads, budget_bytes)
        out = None
        access = Access.of(collection, sign)
        files = Files(access=access)
        if not job.failures or spec.on_missing == "fail":
            out = run(job, files, access)
        if out is not None:
            stats = {
                "samples_read": job.samples,
                "bytes_read": job.nbytes,
                "files_opened": files.opened,
                "seconds_read": job.seconds["read"],
                "seconds_reduce": job.seconds["reduce"],
                "seconds_compose": time.perf_counter() - started,
            }
            records = [error.to_dict() for error in skipped]
            return assemble(reducer, out, tile.shape, collection, skipped=records, notes=files.conflicts, stats=stats)
        errors = [error for slot in sorted(job.failures) for error in job.failures[slot]]
        skipped.extend(errors)
        if spec.on_missing == "fail":
            raise _unit_error(tile, skipped, len(scenes))
        failed = {id(job.slots.scenes[slot]) for slot in job.failures}
        left = [scene for scene in left if id(scene) not in failed]


def _unit_error(tile: Tile, errors: list[ReadError], scenes: int) -> UnitError:
    if not errors:
        return UnitError(f"Tile {tile.id} has no scenes.", fix="Choose a longer period.", tile=tile.id, reads=[])
    names = sorted({error.href for error in errors})
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return UnitError(
        f"{len(names)} of the files of tile {tile.id} ({scenes} scenes) could not be read: {shown}. "
        f"The first: {errors[0].message}",
        fix="`swath retry` takes the unit up again; `on_missing: skip` leaves such dates out.",
        tile=tile.id,
        reads=[error.to_dict() for error in errors],
    )
