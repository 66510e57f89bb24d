"""The kernels of the certificate: the steps of a tree at a cut, and the least sum of such steps."""

from __future__ import annotations

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.models.frames import Floats, Ints


@kernel
def stepping_nodes(feature: Ints, threshold: Floats, children: Ints, moved: int, cut: float) -> Ints:
    """1 for each node at which, or below which, the feature `moved` is split at `cut`."""
    stepping = np.zeros(feature.size, dtype=np.int64)
    for node in range(feature.size - 1, -1, -1):
        steps = feature[node] == moved and threshold[node] == cut
        for side in range(2):
            child = children[2 * node + side]
            steps = steps or (child >= 0 and stepping[child] == 1)
        stepping[node] = np.int64(steps)
    return stepping


@kernel
def _narrow(node: int, side: int, threshold: Floats, nan_child: Ints, f: int, box: Floats, missing: Ints) -> bool:
    """Bind a box (low, then high, of each feature) to one side of a node; whether anything is left of it."""
    cut = threshold[node]
    if side != nan_child[node]:
        missing[f] = 0
    if side == 0:
        box[2 * f + 1] = min(box[2 * f + 1], cut)
    else:
        box[2 * f] = max(box[2 * f], cut)
    return bool(missing[f] == 1 or box[2 * f] < box[2 * f + 1])


@kernel
def steps_of_tree(
    root: int,
    feature: Ints,
    threshold: Floats,
    children: Ints,
    nan_child: Ints,
    leaves: Floats,
    stepping: Ints,
    moved: int,
    cut: float,
    whole: Floats,
    deepest: int,
    most: int,
) -> tuple[Floats, Ints, Ints, Ints, Floats]:
    """Boxes of the other features that cover everything once, and how the tree's answer steps at `cut` in each.

    Two walks go down together, one with the feature at `cut`, one just above; they part where the tree splits there.
    Gives of each box the step, and the features it binds with whether missing passes and (low, high]; it stops after
    `most` boxes.
    """
    width = whole.size // 2
    depth = 2 * deepest + 2
    boxes, missings = np.empty((depth, whole.size)), np.empty((depth, width), dtype=np.int64)
    below, above = np.empty(depth, dtype=np.int64), np.empty(depth, dtype=np.int64)
    below[0], above[0], top = root, root, 0
    boxes[0], missings[0] = whole, 1
    delta, at, count, used = np.empty(16), np.zeros(17, dtype=np.int64), 0, 0
    bound_feature, bound_missing, bounds = np.empty(64, np.int64), np.empty(64, np.int64), np.empty(128)
    while top >= 0 and count <= most:
        x, y = below[top], above[top]
        if (x == y and x >= 0 and stepping[x] == 0) or (x < 0 and y < 0):
            if count == delta.size:
                delta, at = np.concatenate((delta, delta)), np.concatenate((at, at))
            while used + width > bound_feature.size:
                bound_feature = np.concatenate((bound_feature, bound_feature))
                bound_missing = np.concatenate((bound_missing, bound_missing))
                bounds = np.concatenate((bounds, bounds))
            delta[count] = 0.0 if x == y else leaves[~y] - leaves[~x]
            for f in range(width):
                low, high = boxes[top, 2 * f], boxes[top, 2 * f + 1]
                if missings[top, f] == 0 or low != whole[2 * f] or high != whole[2 * f + 1]:
                    bound_feature[used], bound_missing[used] = f, missings[top, f]
                    bounds[2 * used], bounds[2 * used + 1] = low, high
                    used += 1
            count += 1
            at[count] = used
            top -= 1
            continue
        node = x if x >= 0 else y
        f = feature[node]
        if f == moved:
            if x == node:
                below[top] = children[2 * node + np.int64(not cut <= threshold[node])]
            if y == node:
                above[top] = children[2 * node + np.int64(not cut < threshold[node])]
            continue
        boxes[top + 1], missings[top + 1] = boxes[top], missings[top]
        free = top
        for side in range(2):
            if _narrow(node, side, threshold, nan_child, f, boxes[top + side], missings[top + side]):
                if free != top + side:
                    boxes[free], missings[free] = boxes[top + side], missings[top + side]
                below[free] = children[2 * node + side] if x == node else x
                above[free] = children[2 * node + side] if y == node else y
                free += 1
        top = free - 1
    return delta[:count], at[: count + 1], bound_feature[:used], bound_missing[:used], bounds[: 2 * used]


@kernel
def _shared(piece: int, at: Ints, feature: Ints, missing: Ints, bounds: Floats, box: Floats, box_missing: Ints) -> bool:
    """Whether a box of a tree and the box of the search hold a row in common."""
    for k in range(at[piece], at[piece + 1]):
        f = feature[k]
        if missing[k] == 1 and box_missing[f] == 1:
            continue
        if not max(bounds[2 * k], box[2 * f]) < min(bounds[2 * k + 1], box[2 * f + 1]):
            return False
    return True


@kernel
def least_sum(
    first: Ints,
    delta: Floats,
    at: Ints,
    feature: Ints,
    missing: Ints,
    bounds: Floats,
    whole: Floats,
    slack: float,
    budget: int,
) -> tuple[int, int, Floats, Ints]:
    """Look for a box of rows in which the steps of all trees add up to less than −slack.

    The boxes of tree t are first[t] … first[t + 1] − 1, in ascending order of their steps. Depth first: a box of each
    tree in turn, the worst first; a branch ends where even the worst boxes that remain cannot reach −slack.

    Returns
    -------
    Verdict (0 there is none, 1 found, 2 the budget ran out), boxes looked at, the box and where missing passes.
    """
    trees, width = first.size - 1, whole.size // 2
    boxes, missings = np.empty((trees + 1, whole.size)), np.ones((trees + 1, width), dtype=np.int64)
    sums, cursor = np.zeros(trees + 1), first.copy()
    boxes[0] = whole
    depth, looked = 0, 0
    while depth >= 0:
        if depth == trees:
            return 1, looked, boxes[depth], missings[depth]
        piece = cursor[depth]
        while piece < first[depth + 1] and not _shared(
            piece, at, feature, missing, bounds, boxes[depth], missings[depth]
        ):
            piece += 1
        if piece == first[depth + 1]:
            depth -= 1
            continue
        cursor[depth] = piece + 1
        looked += 1
        if looked > budget:
            return 2, looked, boxes[0], missings[0]
        boxes[depth + 1], missings[depth + 1] = boxes[depth], missings[depth]
        for k in range(at[piece], at[piece + 1]):
            f = feature[k]
            missings[depth + 1, f] &= missing[k]
            boxes[depth + 1, 2 * f] = max(boxes[depth + 1, 2 * f], bounds[2 * k])
            boxes[depth + 1, 2 * f + 1] = min(boxes[depth + 1, 2 * f + 1], bounds[2 * k + 1])
        sums[depth + 1] = sums[depth] + delta[piece]
        least = sums[depth + 1]
        for t in range(depth + 1, trees):
            k = first[t]
            while not _shared(k, at, feature, missing, bounds, boxes[depth + 1], missings[depth + 1]):
                k += 1
            least += delta[k]
        if least < -slack:
            depth += 1
            if depth < trees:
                cursor[depth] = first[depth]
    return 0, looked, boxes[0], missings[0]
