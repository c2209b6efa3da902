"""Choose images to label that are unlike each other."""

from collections.abc import Sequence

import numpy as np

_ROUNDS = 25
WAYS = ("diverse", "unsure", "random")
"""How images are chosen: one from each cluster of features; the same with weights that grow with the model's doubt; by
chance."""


def choose_images(
    features: np.ndarray,
    unsureness: np.ndarray,
    groups: Sequence[int],
    number: int,
    *,
    way: str = WAYS[0],
    seed: int = 0,
) -> list[int]:
    """Choose images, one of a group at most.

    The features, each scaled to a standard deviation of 1, are clustered into as many clusters as images are wanted
    (k-means from k-means++), and one image of each cluster is drawn: those in the middle are alike in being usual. With
    ``unsure``, an image weighs as much as its unsureness, in the clustering and in the draw.

    Args:
        features: (M, D).
        unsureness: (M,) 0 to 1.
        groups: of each image; images that look the same share one.
        number: of images to choose.
        way: of ``WAYS``.
        seed: of the choice.

    Returns:
        Indices of ``number`` images, or of one of each group if there are fewer groups; those of the largest clusters
        (of images, or of doubt) first.
    """
    generator = np.random.default_rng(seed)
    leaders = _leaders(unsureness, groups, generator, way)
    number = min(number, len(leaders))
    if way == "random" or number == len(leaders):
        return leaders[generator.permutation(len(leaders))[:number]].tolist()
    points = features[leaders].astype(float)
    points = (points - points.mean(axis=0)) / np.maximum(points.std(axis=0), 1e-9)
    weights = np.maximum(unsureness[leaders], 1e-3) if way == "unsure" else np.ones(len(leaders))
    clusters = _clustered(points, weights, number, generator)
    order = np.argsort([-weights[clusters == c].sum() for c in range(number)], kind="stable")
    chosen: list[int] = []
    for c in order:
        own = np.flatnonzero(clusters == c)
        drawn = generator.choice(own, p=weights[own] / weights[own].sum())
        chosen.append(int(leaders[drawn]))
    return chosen


def _leaders(
    unsureness: np.ndarray, groups: Sequence[int], generator: np.random.Generator, way: str
) -> np.ndarray:
    """Return one image of each group: the least sure one, or any one by chance."""
    order = generator.permutation(len(groups))
    if way == "unsure":
        order = order[np.argsort(-unsureness[order], kind="stable")]
    first: dict[int, int] = {}
    for i in order.tolist():
        first.setdefault(groups[i], i)
    return np.array(sorted(first.values()), int)


def _clustered(
    points: np.ndarray, weights: np.ndarray, number: int, generator: np.random.Generator
) -> np.ndarray:
    """Cluster weighted points by k-means from k-means++ (Lloyd 1982; Arthur and Vassilvitskii 2007).

    No cluster stays empty: it takes the point that is furthest from its own centre.

    Returns:
        (M,) the cluster of each point.
    """
    squares = (points**2).sum(axis=1)

    def apart(centres: np.ndarray) -> np.ndarray:
        return np.maximum(squares[:, None] - 2 * points @ centres.T + (centres**2).sum(axis=1)[None], 0)

    chosen = [int(generator.choice(len(points), p=weights / weights.sum()))]
    nearest = apart(points[chosen])[:, 0]
    for _ in range(number - 1):
        odds = weights * nearest
        odds[chosen] = 0
        if odds.sum() <= 0:  # the others lie where chosen ones do
            odds = np.where(np.isin(np.arange(len(points)), chosen), 0.0, 1.0)
        chosen.append(int(generator.choice(len(points), p=odds / odds.sum())))
        nearest = np.minimum(nearest, apart(points[chosen[-1:]])[:, 0])
    centres = points[chosen].copy()
    cluster = np.full(len(points), -1)
    for _ in range(_ROUNDS):
        distances = apart(centres)
        now = distances.argmin(axis=1)
        own = distances[np.arange(len(points)), now]
        for c in np.flatnonzero(np.bincount(now, minlength=number) == 0):
            counts = np.bincount(now, minlength=number)
            far = int(np.where(counts[now] > 1, own, -1).argmax())
            now[far], own[far] = c, 0
        if (now == cluster).all():
            break
        cluster = now
        total = np.bincount(cluster, weights, number)
        sums = np.zeros_like(centres)
        np.add.at(sums, cluster, weights[:, None] * points)
        centres = sums / total[:, None]
    return cluster
