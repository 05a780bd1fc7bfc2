"""Rows of labels drawn from networks whose error is known."""

import numpy as np
from scipy import special

from swath.training.calibration.held import ClassRows, ValueRows


def class_rows(*, blocks=50, of_block=60, classes=4, seed=0, scale=1.0, bias=0.0, between=0.3):
    """Labels drawn from the softmax of true scores, and a network that tells `(true - bias) / scale`.

    Classes are rarer from the first to the last; blocks differ by a shift of `between`.
    """
    rng = np.random.default_rng(seed)
    block = np.repeat(np.arange(blocks), of_block)
    true = 2.0 * rng.normal(size=(len(block), classes)) - 0.7 * np.arange(classes)
    moved = true + between * rng.normal(size=(blocks, classes))[block]
    chances = special.softmax(moved, axis=1)
    truth = (rng.random((len(block), 1)) > chances.cumsum(1)).sum(1).clip(0, classes - 1)
    return ClassRows((true - bias) / scale, truth, np.ones(len(block)), block)


def value_rows(*, blocks=60, of_block=40, seed=0, told=1.0, noise=0.0, of_block_mean=0.3):
    """Values whose spread is a fifth of the middle and 5, and a network that tells `told` times that spread.

    A part of each block's errors is common to it. Labels have an error of `noise`, which is known.
    """
    rng = np.random.default_rng(seed)
    block = np.repeat(np.arange(blocks), of_block)
    middle = rng.uniform(0, 300, len(block))
    sd = 5 + middle / 5
    common = np.sqrt(of_block_mean) * rng.normal(size=blocks)[block]
    true = middle + sd * (common + np.sqrt(1 - of_block_mean) * rng.normal(size=len(block)))
    half = 1.6449 * sd * told
    label = true + noise * rng.normal(size=len(block))
    each = np.full(len(block), 1.6449 * noise)
    return ValueRows(label, middle, middle - half, middle + half, each, np.ones(len(block)), block), true
