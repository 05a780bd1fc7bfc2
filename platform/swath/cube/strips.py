"""One pass over a tile: windows are read while the one before is reduced."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.access import Access
from swath.cube.arena import ALIGN, arena
from swath.cube.chunks import block_lattice, chunks
from swath.cube.composite import Reducer
from swath.cube.files import Files, Header, Source
from swath.cube.inputs import radius_of, source_of
from swath.cube.lattice import Lattice, Window
from swath.cube.masks import dropped
from swath.cube.pool import READ, REDUCE, Pool
from swath.cube.reach import reach
from swath.cube.reader import read_header, read_window, tile_lattice
from swath.cube.slots import Slots, slots_of
from swath.cube.spec import CubeSpec
from swath.errors import ReadError
from swath.grid.tiles import Tile
from swath.sources.facts import Collection, MaskRule
from swath.sources.scenes import Scene

Array = NDArray[Any]


def pixel_bytes(scenes: int, spec: CubeSpec, collection: Collection) -> int:
    """Memory that one pixel takes while its dates wait to be reduced."""
    numbers = sum(np.dtype(collection.bands[name].dtype).itemsize for name in spec.bands)
    return scenes * (numbers + 1)


@dataclass
class Job:
    """What one pass over a tile needs; a new pass takes new buffers."""

    tile: Tile
    spec: CubeSpec
    collection: Collection
    reducer: Reducer
    slots: Slots
    sources: list[list[Source]]
    masks: list[list[tuple[Source, MaskRule]]]
    threads: int
    budget: int
    failures: dict[int, list[ReadError]] = field(default_factory=dict)
    samples: int = 0
    nbytes: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: {"read": 0.0, "reduce": 0.0})

    @property
    def lattice(self) -> Lattice:
        """Of the tile."""
        return tile_lattice(self.tile)

    def failed(self, slot: int, error: ReadError) -> None:
        """Note a failed read, once a file."""
        known = self.failures.setdefault(slot, [])
        if all(other.href != error.href for other in known):
            known.append(error)


@dataclass
class _Buffer:
    """Room for the dates of one window: a flat array a group, and the masks; all in one block of the arena."""

    block: NDArray[np.uint8]
    stacks: list[Array]
    dropped: NDArray[np.uint8]

    @classmethod
    def of(cls, job: Job, room: int) -> _Buffer:
        """Room for `room` pixels, counted over all slots."""
        sizes = [room * len(group.bands) * group.dtype.itemsize for group in job.reducer.groups]
        starts = [0]
        for size in (*sizes, room):
            starts.append(-(-(starts[-1] + size) // ALIGN) * ALIGN)
        block = arena.take(starts[-1])
        stacks = [
            block[start : start + size].view(group.dtype)
            for start, size, group in zip(starts, sizes, job.reducer.groups, strict=False)
        ]
        return cls(block, stacks, block[starts[-2] : starts[-2] + room])

    def shaped(self, job: Job, slots: int, window: Window) -> tuple[list[Array], Array]:
        """Views for a window: (S, B, h, w) a group, and (S, h, w)."""
        h, w = window.shape
        stacks = [
            flat[: slots * len(group.bands) * h * w].reshape(slots, len(group.bands), h, w)
            for flat, group in zip(self.stacks, job.reducer.groups, strict=True)
        ]
        return stacks, self.dropped[: slots * h * w].reshape(slots, h, w)


def _timed(job: Job, stage: str, call: Callable[..., Any], *args: Any) -> Any:
    started = time.perf_counter()
    try:
        return call(*args)
    finally:
        # a float's += under the GIL can lose a reading between threads; seconds by stage are readings, not accounts
        job.seconds[stage] += time.perf_counter() - started


def _survey(job: Job, pool: Pool, files: Files) -> tuple[list[Window], list[Header]]:
    """Open every file once: what cannot be opened is known, all of it, before anything is decoded.

    Returns:
        The part of the tile that each slot reaches, and headers of what could be opened.
    """
    asked: list[tuple[int, Future[Any]]] = []
    for slot, sources in enumerate(job.sources):
        every = [*sources, *(source for source, _ in job.masks[slot])]
        asked.extend((slot, pool.submit(READ, read_header, files, source)) for source in every)
    _settle(job, pool, asked)
    lattice = job.lattice
    whole = Window(0, 0, 0, 0)
    reaches = [whole] * len(job.sources)
    headers: list[Header] = []
    for slot, future in asked:
        if future.exception() is None:
            headers.append(future.result())
            if reaches[slot].empty:
                reaches[slot] = reach(headers[-1].lattice, lattice)
    return reaches, headers


def _settle(job: Job, pool: Pool, asked: Sequence[tuple[int, Future[Any]]]) -> None:
    """Wait for tasks; note failed reads by slot, raise anything else."""
    try:
        pool.wait(future for _, future in asked)
    except ReadError as error:
        # a thread that hangs may still write to the buffers: this pass is over
        slot = next((s for s, row in enumerate(job.sources) for x in _hrefs(job, s, row) if x == error.href), 0)
        job.failed(slot, error)
        raise
    for slot, future in asked:
        problem = future.exception()
        if isinstance(problem, ReadError):
            job.failed(slot, problem)
        elif problem is not None:
            raise problem


def _hrefs(job: Job, slot: int, sources: list[Source]) -> list[str]:
    return [source.href.split("?", 1)[0] for source in [*sources, *(source for source, _ in job.masks[slot])]]


def _start_reads(
    job: Job, pool: Pool, files: Files, window: Window, active: list[int], buffer: _Buffer
) -> list[tuple[int, Future[Any]]]:
    stacks, drops = buffer.shaped(job, len(active), window)
    lattice = job.lattice
    place = {
        name: (stack, row)
        for stack, group in zip(stacks, job.reducer.groups, strict=True)
        for row, name in enumerate(group.bands)
    }
    asked: list[tuple[int, Future[Any]]] = []

    def read(source: Source, out: Array) -> None:
        pixels = _timed(job, "read", read_window, files, source, lattice, window, out)
        job.samples += pixels
        job.nbytes += pixels * out.dtype.itemsize

    def mask(slot: int, out: Array) -> None:
        out.fill(0)
        radius = radius_of(job.spec, job.tile)
        grown = window.grown(radius)
        for source, rule in job.masks[slot]:
            quality = np.empty(grown.shape, source.band.dtype)
            pixels = _timed(job, "read", read_window, files, source, lattice, grown, quality)
            job.samples += pixels
            job.nbytes += pixels * quality.dtype.itemsize
            out |= dropped(quality, rule, source.band, radius=radius)[window.slices(grown)]

    for i, slot in enumerate(active):
        asked.append((slot, pool.submit(READ, mask, slot, drops[i])))
        for source in job.sources[slot]:
            stack, row = place[source.name]
            asked.append((slot, pool.submit(READ, read, source, stack[i, row])))
    return asked


def _start_reduce(
    job: Job, pool: Pool, window: Window, active: list[int], buffer: _Buffer, tile_out: dict[str, Array]
) -> list[tuple[int, Future[Any]]]:
    stacks, drops = buffer.shaped(job, len(active), window)
    h, w = window.shape
    flat = [stack.reshape(stack.shape[0], stack.shape[1], h * w) for stack in stacks]
    slots = job.slots.of(active)
    part = job.reducer.outputs(h * w, job.slots.observations)
    rows_each = max(1, -(-h // (2 * job.threads)))
    here = window.slices(Window(0, 0, 0, 0))

    def reduce(top: int, bottom: int) -> None:
        _timed(job, "reduce", job.reducer.reduce, flat, drops.reshape(-1, h * w), slots, part, top * w, bottom * w)
        for key, rows in part.items():
            shaped = tile_out[key].reshape(rows.shape[0], *job.tile.shape)[:, here[0], here[1]]
            shaped[:, top:bottom] = rows.reshape(rows.shape[0], h, w)[:, top:bottom]

    return [(-1, pool.submit(REDUCE, reduce, top, min(h, top + rows_each))) for top in range(0, h, rows_each)]


def _windows(job: Job, pool: Pool, files: Files) -> dict[str, Array] | None:
    """One pass over the tile; None when reads failed. All windows are read even then: every failed file is found."""
    reaches, headers = _survey(job, pool, files)
    kept = [slot for slot, part in enumerate(reaches) if not part.empty]
    each = pixel_bytes(max(1, len(kept)), job.spec, job.collection)
    windows = chunks(job.lattice, block_lattice(headers, job.lattice), pixel_bytes=each, budget_bytes=job.budget)
    active = [[slot for slot in kept if not reaches[slot].within(window).empty] for window in windows]
    room = max((len(slots) * w.shape[0] * w.shape[1] for slots, w in zip(active, windows, strict=True)), default=0)
    most = max(w.shape[0] * w.shape[1] for w in windows) * each
    # where two windows of whole blocks do not fit, one does: decoding a block twice costs more than waiting
    buffers = [_Buffer.of(job, room) for _ in range(2 if len(windows) > 1 and 2 * most <= job.budget else 1)]
    out = job.reducer.outputs(job.tile.shape[0] * job.tile.shape[1], job.slots.observations)
    reducing: list[list[tuple[int, Future[Any]]]] = []
    reads: list[tuple[int, Future[Any]]] = []

    def reduce_last(number: int) -> None:
        _settle(job, pool, reads)
        if job.failures:
            reducing.append([])
        else:
            buffer = buffers[number % len(buffers)]
            reducing.append(_start_reduce(job, pool, windows[number], active[number], buffer, out))

    for number, window in enumerate(windows):
        if number and len(buffers) == 1:
            reduce_last(number - 1)
        if number >= len(buffers):
            _settle(job, pool, reducing[number - len(buffers)])
        begun = _start_reads(job, pool, files, window, active[number], buffers[number % len(buffers)])
        if number and len(buffers) > 1:
            reduce_last(number - 1)
        reads = begun
    reduce_last(len(windows) - 1)
    for tasks in reducing:
        _settle(job, pool, tasks)
    # not reached when a thread hangs: it may still write to these
    for buffer in buffers:
        arena.give(buffer.block)
    return None if job.failures else out


def job_of(
    scenes: Sequence[Scene],
    tile: Tile,
    spec: CubeSpec,
    collection: Collection,
    reducer: Reducer,
    threads: int,
    budget: int,
) -> Job:
    """A job for one pass: sources of all scenes; items without an asset are failures already."""
    slots = slots_of(scenes, tile.crs)
    job = Job(tile, spec, collection, reducer, slots, [], [], threads, budget)
    for slot, scene in enumerate(slots.scenes):
        job.sources.append([])
        job.masks.append([])
        for name in spec.bands:
            try:
                job.sources[slot].append(source_of(scene, name, collection, spec))
            except ReadError as error:
                job.failed(slot, error)
        for rule in spec.masks:
            try:
                job.masks[slot].append((source_of(scene, rule.band, collection, spec, rule=rule), rule))
            except ReadError as error:
                job.failed(slot, error)
    return job


def run(job: Job, files: Files, access: Access) -> dict[str, Array] | None:
    """Make one pass over the tile, with threads of its own.

    Returns:
        Arrays of `Reducer.outputs` over the tile; None when reads failed: `job.failures` has them by slot.
    """
    hrefs = [source.href for sources in job.sources for source in sources]
    options = access.options()
    with files, Pool(job.threads, lambda: access.env(hrefs, options)) as pool:
        try:
            return _windows(job, pool, files)
        except ReadError:
            # noted by slot where it was met
            return None
