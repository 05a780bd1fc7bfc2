from __future__ import annotations

from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from swath.cube.arena import Arena
from swath.cube.chunks import block_lattice, chunks
from swath.cube.files import Header
from swath.cube.lattice import Lattice


def lattice(rows, cols, *, x=0, y=0, step=10):
    return Lattice("EPSG:32633", Affine(step, 0, x, 0, -step, y), rows, cols)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 300), st.integers(1, 300), st.integers(1, 128), st.integers(1, 128),
    st.integers(0, 127), st.integers(0, 127), st.integers(1, 500), st.integers(0, 10**6),
)  # fmt: skip
def test_windows_cover_each_pixel_once_within_the_budget(rows, cols, deep, wide, row, col, pixel_bytes, extra):
    budget = 36 * pixel_bytes + extra
    block = (deep, wide, row % deep, col % wide)
    windows = chunks(lattice(rows, cols), block, pixel_bytes=pixel_bytes, budget_bytes=budget)
    covered = {(r, c) for w in windows for r in range(w.top, w.bottom) for c in range(w.left, w.right)}
    assert len(covered) == sum(w.shape[0] * w.shape[1] for w in windows) == rows * cols
    assert all(w.shape[0] * w.shape[1] * pixel_bytes <= budget for w in windows)


def test_windows_end_at_block_edges_when_blocks_fit():
    windows = chunks(lattice(1536, 1536), (512, 512, 100, 40), pixel_bytes=2, budget_bytes=10**8)
    assert [w.top for w in windows] == [0, 100, 612, 1124]
    assert all(w.shape[1] == 1536 for w in windows)


def test_whole_blocks_one_at_a_time_go_before_parts_of_blocks():
    windows = chunks(lattice(1024, 1024), (512, 512, 0, 0), pixel_bytes=10, budget_bytes=512 * 512 * 10)
    assert {w.shape for w in windows} == {(512, 512)}


def test_blocks_of_most_files_on_the_lattice_set_the_edges():
    def header(block, *, x=0, y=0, step=10):
        return Header(lattice(4096, 4096, x=x, y=y, step=step), "uint16", 1, block)

    headers = [header((1024, 1024), y=3000, x=-500)] * 3 + [header((512, 512))] + [header((256, 256), step=20)] * 9
    # the files begin 300 rows above and 50 columns left of the tile
    assert block_lattice(headers, lattice(1536, 1536)) == (1024, 1024, 1024 - 300, 1024 - 50)


def test_the_arena_gives_the_same_buffer_again_and_keeps_few():
    arena = Arena(keep=2)
    first = arena.take(1000)
    arena.give(first)
    assert arena.take(900) is first
    for _ in range(5):
        arena.give(arena.take(10**7))
    assert sum(buffer.size for buffer in arena._idle) <= 2 * 10**7
