"""The kernels of trees: packing, scoring, and what every path asks."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.models.frames import Floats, Ints

Place: TypeAlias = np.uint64
_BLOCK = 64


@kernel
def pack_nodes(
    roots: Ints, column: Ints, threshold: Floats, children: Ints, leaves: Floats, columns: int, nodes: Floats
) -> None:
    """Lay trees out as records of two words: a double, and the bits of (column << 32 | where the first child starts).

    The record of tree t's root is the t-th; the two children of a node stand beside each other, so the second starts
    two words after the first. A leaf holds its value where a node holds its threshold, reads the column `columns`,
    which always holds −infinity, and is its own first child: a walk that has arrived stays.
    """
    source = np.empty(nodes.size // 2, dtype=np.int64)
    free = roots.size
    for tree in range(roots.size):
        source[tree] = roots[tree]
        record, pending = tree, free
        while True:
            node = source[record]
            if node < 0:
                nodes[2 * record] = leaves[~node]
                column_word, target = np.int64(columns), 2 * record
            else:
                nodes[2 * record] = threshold[node]
                column_word, target = column[node], 2 * free
                source[free], source[free + 1] = children[2 * node], children[2 * node + 1]
                free += 2
            nodes[2 * record + 1] = np.int64((column_word << 32) | target).view(np.float64)
            if pending == free:
                break
            record = pending
            pending += 1


@kernel
def _next(nodes: Floats, values: Floats, base: Place, at: Place) -> Place:
    """Where the walk of the row whose values start at `base` goes from the record that starts at `at`."""
    # Unsigned places: a signed one is first asked whether it counts from the end.
    word = np.float64(nodes[at + np.uint64(1)]).view(np.uint64)
    beyond = np.uint64(not values[base + (word >> np.uint64(32))] <= nodes[at])
    return (word & np.uint64(0xFFFFFFFF)) + (beyond << np.uint64(1))


@kernel
def _sum_row(nodes: Floats, values: Floats, base: Place, trees: int) -> float:
    """One row: eight trees walk side by side, so that their loads overlap; the sum runs in tree order."""
    total = 0.0
    tree = 0
    while tree + 8 <= trees:
        a, b, c, d = np.uint64(2 * tree), np.uint64(2 * tree + 2), np.uint64(2 * tree + 4), np.uint64(2 * tree + 6)
        e, f, g, h = (
            np.uint64(2 * tree + 8),
            np.uint64(2 * tree + 10),
            np.uint64(2 * tree + 12),
            np.uint64(2 * tree + 14),
        )
        while True:
            a1, b1 = _next(nodes, values, base, a), _next(nodes, values, base, b)
            c1, d1 = _next(nodes, values, base, c), _next(nodes, values, base, d)
            e1, f1 = _next(nodes, values, base, e), _next(nodes, values, base, f)
            g1, h1 = _next(nodes, values, base, g), _next(nodes, values, base, h)
            if (a - a1) | (b - b1) | (c - c1) | (d - d1) | (e - e1) | (f - f1) | (g - g1) | (h - h1) == 0:
                break
            a, b, c, d, e, f, g, h = a1, b1, c1, d1, e1, f1, g1, h1
        total += nodes[a]
        total += nodes[b]
        total += nodes[c]
        total += nodes[d]
        total += nodes[e]
        total += nodes[f]
        total += nodes[g]
        total += nodes[h]
        tree += 8
    while tree < trees:
        a = np.uint64(2 * tree)
        a1 = _next(nodes, values, base, a)
        while a != a1:
            a = a1
            a1 = _next(nodes, values, base, a)
        total += nodes[a]
        tree += 1
    return total


@kernel
def _sum_rows(nodes: Floats, values: Floats, width: int, rows: int, trees: int, sums: Floats) -> None:
    """A block of rows, a multiple of eight: tree by tree, eight rows walk side by side."""
    for i in range(rows):
        sums[i] = 0.0
    for tree in range(trees):
        for i in range(0, rows, 8):
            va, step = np.uint64(i * width), np.uint64(width)
            vb, vc, vd = va + step, va + np.uint64(2) * step, va + np.uint64(3) * step
            ve, vf, vg, vh = vd + step, vd + np.uint64(2) * step, vd + np.uint64(3) * step, vd + np.uint64(4) * step
            a = np.uint64(2 * tree)
            b, c, d, e, f, g, h = a, a, a, a, a, a, a
            while True:
                a1, b1 = _next(nodes, values, va, a), _next(nodes, values, vb, b)
                c1, d1 = _next(nodes, values, vc, c), _next(nodes, values, vd, d)
                e1, f1 = _next(nodes, values, ve, e), _next(nodes, values, vf, f)
                g1, h1 = _next(nodes, values, vg, g), _next(nodes, values, vh, h)
                if (a - a1) | (b - b1) | (c - c1) | (d - d1) | (e - e1) | (f - f1) | (g - g1) | (h - h1) == 0:
                    break
                a, b, c, d, e, f, g, h = a1, b1, c1, d1, e1, f1, g1, h1
            sums[i] += nodes[a]
            sums[i + 1] += nodes[b]
            sums[i + 2] += nodes[c]
            sums[i + 3] += nodes[d]
            sums[i + 4] += nodes[e]
            sums[i + 5] += nodes[f]
            sums[i + 6] += nodes[g]
            sums[i + 7] += nodes[h]


@kernel
def score_rows(matrix: Floats, nodes: Floats, reads: Ints, trees: int, out: Floats) -> None:
    """Score rows in blocks whose values stay in cache; each row sums its leaves in tree order, whatever its block.

    A column of `reads` is 2 · feature, + 1 where its nodes send a missing value to the first child: there NaN reads
    as −infinity, elsewhere NaN fails every comparison, so no step of a walk asks what is missing.
    """
    rows, columns = matrix.shape[0], reads.size
    width = columns + 1
    block = min(rows, _BLOCK)
    values = np.empty(block * width)
    for low in range(0, rows, _BLOCK):
        high = min(low + _BLOCK, rows)
        for i in range(low, high):
            base = (i - low) * width
            for c in range(columns):
                x = matrix[i, reads[c] >> 1]
                values[base + c] = -np.inf if x != x and reads[c] & 1 else x
            values[base + columns] = -np.inf
        even = (high - low) // 8 * 8
        _sum_rows(nodes, values, width, even, trees, out[low : low + even])
        for i in range(low + even, high):
            out[i] = _sum_row(nodes, values, np.uint64((i - low) * width), trees)


@kernel
def trees_of_nodes(roots: Ints, children: Ints) -> Ints:
    """Which tree each node belongs to."""
    tree = np.full(children.size // 2, -1, dtype=np.int64)
    for place in range(roots.size):
        if roots[place] >= 0:
            tree[roots[place]] = place
    for node in range(tree.size):
        for side in range(2):
            if children[2 * node + side] >= 0:
                tree[children[2 * node + side]] = tree[node]
    return tree


@kernel
def path_lengths(children: Ints, leaves: int) -> Ints:
    """How many splits stand above each leaf."""
    depth = np.zeros(children.size // 2, dtype=np.int64)
    lengths = np.zeros(leaves, dtype=np.int64)
    # A child always has a higher number than its node, so one pass meets parents first.
    for node in range(depth.size):
        for side in range(2):
            child = children[2 * node + side]
            if child >= 0:
                depth[child] = depth[node] + 1
            else:
                lengths[~child] = depth[node] + 1
    return lengths


@kernel
def leaf_slots(
    feature: Ints,
    threshold: Floats,
    children: Ints,
    nan_child: Ints,
    lengths: Ints,
    at: Ints,
    slot_feature: Ints,
    slot_missing: Ints,
    slot_bounds: Floats,
) -> int:
    """Fill the slots of every leaf, in order of leaves and of first question on the path; how many there are."""
    nodes = feature.size
    parent = np.full(nodes, -1, dtype=np.int64)
    above = np.full(lengths.size, -1, dtype=np.int64)
    for node in range(nodes):
        for side in range(2):
            child = children[2 * node + side]
            if child >= 0:
                parent[child] = 2 * node + side
            else:
                above[~child] = 2 * node + side
    path = np.empty(max(np.int64(1), lengths.max()) if lengths.size else 1, dtype=np.int64)
    used = 0
    for leaf in range(lengths.size):
        first = used
        at[leaf] = first
        step = above[leaf]
        for place in range(lengths[leaf] - 1, -1, -1):
            path[place] = step
            step = parent[step >> 1]
        for place in range(lengths[leaf]):
            node, side = path[place] >> 1, path[place] & 1
            slot = first
            while slot < used and slot_feature[slot] != feature[node]:
                slot += 1
            if slot == used:
                slot_feature[slot], slot_missing[slot] = feature[node], 1
                slot_bounds[2 * slot], slot_bounds[2 * slot + 1] = np.nan, np.inf
                used += 1
            if side != nan_child[node]:
                slot_missing[slot] = 0
            cut = threshold[node]
            if side == 0:
                slot_bounds[2 * slot + 1] = min(slot_bounds[2 * slot + 1], cut)
            elif not cut <= slot_bounds[2 * slot]:
                slot_bounds[2 * slot] = cut
    at[lengths.size] = used
    return used
