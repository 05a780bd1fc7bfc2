"""k-fold nearest-neighbour distance matching: folds as far from what is learned from as the map is from all labels.

Linnenbrink, Milà, Ludwig and Meyer 2024 (doi:10.5194/gmd-17-5897-2024), after Milà et al. 2022
(doi:10.1111/2041-210X.13851). Labels are clustered in space, into few or many clusters; clusters are joined to folds;
of all such configurations the one is taken whose distances from held-out labels to the others are distributed most
like those from the map to the labels. Two things differ from the paper, so that a fold is a matter of places alone and
pixels, buffers and other labels can be asked for theirs: a place is of the fold of the nearest cluster's centre, and
where labels are not clustered there is no random split, but as many small cells as match best.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.training.validation.matching import Matching, along_sphere, on_sphere

POINTS = 2000  #: places of the map that are drawn
MOST_PLACES = 2500  #: of labels that are clustered; of more, so many are drawn
MOST_CELLS = 1000
_TRIED = 50  # numbers of clusters, few ones more closely
_LARGEST = 0.5  # share of the labels in one fold, at most (maxp of the paper's code); of two folds 0.6
_CLUSTERED = 0.05


def knndm(
    places: NDArray[np.float64],
    points: NDArray[np.float64],
    *,
    folds: int,
    seed: int = 0,
    codes: NDArray[np.uint8] | None = None,
) -> Matching:
    """Folds of places whose distances match those of a map.

    Args:
        places: Longitude and latitude of labels, (n, 2).
        points: The same of places of the map, (m, 2); see `random_places`.
        folds: How many.
        seed: Draws labels where they are many, and the random split that W is compared with.
        codes: Class of each label, (n,): folds that have every class are preferred.

    Raises:
        LabelError: Too few labels for the folds, or no configuration without folds that are too large.
    """
    from scipy.cluster.hierarchy import fcluster, ward
    from scipy.stats import ks_2samp, wasserstein_distance

    chosen, kept = _some(places, codes, seed)
    if len(chosen) < 2 * folds:
        raise LabelError(
            f"{len(chosen)} places of labels cannot be matched in {folds} folds.",
            fix=f"Take {max(2, len(chosen) // 2)} folds or fewer, or more labels.",
        )
    where = on_sphere(chosen[:, 0], chosen[:, 1])
    to_map = _nearest(where, on_sphere(points[:, 0], points[:, 1]))
    alone = _nearest(where, where, other=True)
    # alternative: labels' own distances lie lower, their distribution function above
    clustered = bool(ks_2samp(alone, to_map, alternative="greater", method="asymp").pvalue < _CLUSTERED)
    most = max(_LARGEST, 1.2 / folds) * len(where)
    tree = ward(where)
    axis = np.linalg.svd(where - where.mean(axis=0), full_matrices=False)[2][0]
    best: tuple[tuple[bool, float], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]] | None = None
    for number in _numbers(folds, len(where)):
        cluster = fcluster(tree, number, criterion="maxclust") - 1
        size = np.bincount(cluster)
        middle = np.stack([np.bincount(cluster, column) for column in where.T], axis=1) / size[:, None]
        fold_of = _joined(size, middle @ axis, folds)
        fold = fold_of[_nearest_index(middle, where)]  # as `Matching.folds_at` has it
        sizes = np.bincount(fold, minlength=folds)
        if sizes.min() == 0 or sizes.max() > most:
            continue
        held = _between(where, fold)
        lacks = kept is not None and any(len(np.unique(kept[fold == f])) < len(np.unique(kept)) for f in range(folds))
        found = (lacks, float(wasserstein_distance(held, to_map)))
        if best is None or found < best[0]:
            best = (found, middle, fold_of, held)
    if best is None:
        raise LabelError(
            f"No grouping of {len(where)} places of labels gives {folds} folds of at most {most:.0f}.",
            fix="Take more folds, or blocks.",
        )
    (_, w), middle, fold_of, held = best
    random = np.random.default_rng((seed, 1)).permutation(np.arange(len(where)) % folds)
    lon, lat = _degrees(middle)
    return Matching(
        centres=tuple(zip(lon, lat, fold_of.tolist(), strict=True)),
        w_m=round(w, 1),
        w_random_m=round(float(wasserstein_distance(_between(where, random), to_map)), 1),
        map_m=round(float(np.median(to_map)), 1),
        held_m=round(float(np.median(held)), 1),
        clustered=clustered,
    )


def _some(
    places: NDArray[np.float64], codes: NDArray[np.uint8] | None, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.uint8] | None]:
    """Each place once, `MOST_PLACES` of them at most, and their classes; rare classes are drawn first."""
    unique, first = np.unique(places, axis=0, return_index=True)
    kept = None if codes is None else codes[first]
    if len(unique) <= MOST_PLACES:
        return unique, kept
    order = np.random.default_rng((seed, 0)).permutation(len(unique))
    if kept is not None:
        many = np.bincount(kept)[kept[order]]
        rare = order[many <= MOST_PLACES // 10]
        order = np.concatenate([rare[: MOST_PLACES // 2], np.setdiff1d(order, rare[: MOST_PLACES // 2], True)])
    chosen = np.sort(order[:MOST_PLACES])
    return unique[chosen], None if kept is None else kept[chosen]


def _numbers(folds: int, labels: int) -> list[int]:
    """Numbers of clusters that are tried: from the folds up, in even steps of the logarithm."""
    last = max(folds, min(labels - 2, MOST_CELLS))
    steps = np.exp(np.linspace(np.log(folds), np.log(last), _TRIED))
    return sorted({int(number) for number in np.rint(steps)})


def _joined(size: NDArray[np.int64], along: NDArray[np.float64], folds: int) -> NDArray[np.int64]:
    """Fold of each cluster: large ones alone, the others in turn along the first axis of the places."""
    out = np.full(len(size), -1)
    order = np.argsort(along, kind="stable")
    large = [c for c in order.tolist() if size[c] >= size.sum() / folds][:folds]
    out[large] = np.arange(len(large))
    rest = order[out[order] < 0]
    left = np.arange(len(large), folds) if len(large) < folds else np.arange(folds)
    out[rest] = left[np.arange(len(rest)) % len(left)]
    return out


def _between(where: NDArray[np.float64], fold: NDArray[np.int64]) -> NDArray[np.float64]:
    """Metres from each label to the nearest of another fold, (n,)."""
    out = np.empty(len(where))
    for one in np.unique(fold):
        mine = fold == one
        out[mine] = _nearest(where[~mine], where[mine])
    return out


def _nearest(there: NDArray[np.float64], asked: NDArray[np.float64], *, other: bool = False) -> NDArray[np.float64]:
    """Metres from each place to the nearest of some; to the nearest other one of the same."""
    from scipy.spatial import cKDTree

    away, _ = cKDTree(there).query(asked, k=[2] if other else [1])
    return along_sphere(away[:, 0])


def _nearest_index(there: NDArray[np.float64], asked: NDArray[np.float64]) -> NDArray[np.int64]:
    from scipy.spatial import cKDTree

    lon, lat = _degrees(there)  # what is kept of centres are rounded degrees on the sphere
    _, at = cKDTree(on_sphere(np.array(lon), np.array(lat))).query(asked)
    return np.asarray(at, np.int64)


def _degrees(where: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Longitude and latitude below points in space, to a decimetre."""
    lon = np.degrees(np.arctan2(where[:, 1], where[:, 0]))
    lat = np.degrees(np.arctan2(where[:, 2], np.hypot(where[:, 0], where[:, 1])))
    return np.round(lon, 6).tolist(), np.round(lat, 6).tolist()
