"""Find the labels that may be wrong, by kind."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from kpplugins.curation.checks.outliers import LEAST_INSTANCES, LEAST_POINTS, outlier_suspects
from kpplugins.curation.suspects.evidence import Evidence
from kpplugins.curation.suspects.suspect import Suspect
from kpplugins.curation.suspects.usual import Usual, wrong_share
from kpplugins.data import PoseRecord
from kpplugins.structures.geometry import box_area, box_overlaps, inside_image

LEAST = 0.1
"""Least gain of a suspect."""
_FAR = 3.0
"""Times the usual residual at which a keypoint loses 40 % of its score: one sigma of the gain."""
_PRIOR = 0.01
"""Share of instances that are expected to have left and right exchanged."""
_FITS = 3.0
"""Median residual after an exchange, in units of the usual one, up to which it explains the label."""
_ALL_OFF = 0.3
"""Quantile of an instance's residuals that is far off if it is another instance's."""
_AT_LEAST = 1.5
"""Least such residual, in units of the usual one."""
_MISSING = 0.02
"""Share of the labels of a keypoint that is expected to be missing."""
_SURE = 0.1
"""Quantile of the scores of labelled keypoints from which on an absent one is taken for there."""
_LIKELY = 0.5
"""Probability from which on a further keypoint of an instance is corrected with the worst one."""
_AGREES, _BY_SHAPE = 2.0, 0.9
"""Residual, in units of the usual one, from which on a keypoint that is odd by shape too is wrong; and how surely."""
_MOST = 0.99


def find_suspects(evidence: Evidence) -> list[Suspect]:
    """Find the labels that may be wrong.

    An instance has at most one suspect of where its keypoints are (sides, another instance, single keypoints), and in
    addition one of each missing keypoint and of its box.

    Args:
        evidence: labels and predictions.

    Returns:
        The suspects with a gain of 0.1 or more, the largest gain first.
    """
    usual = Usual.of(evidence)
    places: dict[int, Suspect] = {}
    for find in (sides_exchanged, wrong_instance, keypoint_off):
        for suspect in find(evidence, usual):
            if suspect.instance not in places or suspect.gain > 1.05 * places[suspect.instance].gain:
                places[suspect.instance] = suspect
    found = [*places.values(), *keypoint_missing(evidence), *box_off(evidence)]
    return sorted((s for s in found if s.gain >= LEAST), key=lambda s: (-s.gain, s.instance))


def sides_exchanged(evidence: Evidence, usual: Usual) -> Iterator[Suspect]:
    """Find instances that agree with the prediction after an exchange of all flip pairs, or of one.

    Args:
        evidence: labels and predictions.
        usual: their residuals.

    Yields:
        At most one suspect an instance.
    """
    schema = evidence.schema
    nothing = np.arange(schema.num_keypoints)
    flips = np.array(schema.flip_indices)
    exchanges = [_one_pair(flips, k) for k in np.flatnonzero(flips > nothing)]
    exchanges += [flips] if len(exchanges) > 1 else []
    best = np.zeros(len(evidence.records))
    chosen = np.full(len(best), -1)
    for number, exchange in enumerate(exchanges):
        changed = exchange != nothing
        after = evidence.distances(evidence.points[:, exchange], evidence.labelled[:, exchange]) / usual.scale
        gain = (usual.cost(usual.z) - usual.cost(after))[:, changed].sum(axis=1)
        with np.errstate(invalid="ignore"):
            fits = _median(after[:, changed]) <= _FITS
        better = fits & evidence.found & (gain > best)
        best[better], chosen[better] = gain[better], number
    for i in np.flatnonzero(chosen >= 0):
        exchange = exchanges[chosen[i]]
        changed = (exchange != nothing) & (evidence.labelled[i] | evidence.labelled[i][exchange])
        odds = np.log(_PRIOR) + best[i]
        probability = float(1 / (1 + np.exp(-np.clip(odds, -50, 50))))
        record = evidence.records[i]
        proposal = replace(record, keypoints=record.keypoints[exchange])
        words = f"left and right of {_listed(schema.keypoints, changed)} agree with the prediction when exchanged."
        yield _suspect("sides-exchanged", evidence, usual, int(i), changed, probability, words, proposal)


def wrong_instance(evidence: Evidence, usual: Usual) -> Iterator[Suspect]:
    """Find instances of which hardly any keypoint is where it was predicted: the label is another instance's.

    Args:
        evidence: labels and predictions.
        usual: their residuals.

    Yields:
        One suspect an instance with two or more labelled keypoints.
    """
    z, enough = usual.z, evidence.labelled.sum(axis=1) >= 2
    level = np.full(len(z), np.nan)
    for i in np.flatnonzero(enough & evidence.found):
        level[i] = np.quantile(z[i][evidence.labelled[i]], _ALL_OFF, method="lower")
    share = wrong_share(level)
    for i in np.flatnonzero(share > 0):
        record, labelled = evidence.records[i], evidence.labelled[i]
        many = int(labelled.sum())
        words = f"none of {many} keypoints is where the model finds it: is this label another instance's?"
        if level[i] > _AT_LEAST:
            yield _suspect(
                "wrong-instance", evidence, usual, int(i), labelled, float(share[i]), words,
                _moved(record, evidence.predicted[i], labelled),
            )  # fmt: skip


def keypoint_off(evidence: Evidence, usual: Usual) -> Iterator[Suspect]:
    """Find keypoints that are further from the prediction than the others of their instance.

    For those that ``check`` finds odd by the shape of the other labels, twice the usual residual is enough.

    Args:
        evidence: labels and predictions.
        usual: their residuals.

    Yields:
        One suspect an instance.
    """
    z = usual.z
    alone = z / np.maximum(_of_others(z), 1.0)
    share = wrong_share(alone.reshape(-1), usual.shape).reshape(z.shape)
    for i, k in _odd_by_shape(evidence):
        if z[i, k] >= _AGREES:
            share[i, k], alone[i, k] = max(share[i, k], _BY_SHAPE), z[i, k]
    for i in np.flatnonzero(share.max(axis=1, initial=0) > 0):
        k = int(np.nan_to_num(alone[i], nan=-1.0).argmax())
        worst = share[i] >= _LIKELY
        worst[k] = True
        px = np.linalg.norm(evidence.points[i, k] - evidence.predicted[i, k])
        words = (
            f"{_listed(evidence.schema.keypoints, worst)} {'is' if worst.sum() == 1 else 'are'} {px:.1f} px from where"
            f" the model finds {'it' if worst.sum() == 1 else 'them'}, {z[i, k]:.1f} times as far as usual."
        )
        record = evidence.records[i]
        yield _suspect(
            "keypoint-off", evidence, usual, int(i), worst, float(share[i].max()), words,
            _moved(record, evidence.predicted[i], worst), float(alone[i, k]),
        )  # fmt: skip


def keypoint_missing(evidence: Evidence) -> Iterator[Suspect]:
    """Find absent keypoints that the model is as sure of as of labelled ones.

    Of so many absent ones with such a score, as many are taken for missing as if 2 % of the labels were.

    Args:
        evidence: labels and predictions.

    Yields:
        One suspect an absent keypoint.
    """
    names = evidence.schema.keypoints
    for k in range(len(names)):
        there = evidence.labelled[:, k] & evidence.found
        absent = np.flatnonzero(~evidence.labelled[:, k] & evidence.possible[:, k] & evidence.found)
        if not there.any() or not len(absent):
            continue
        least = float(np.quantile(evidence.scores[there, k], _SURE))
        sure = absent[evidence.scores[absent, k] >= least]
        probability = min(_MOST, _MISSING * float(there.sum()) / max(len(sure), 1))
        for i in sure:
            record, point = evidence.records[i], evidence.predicted[i, k]
            if not inside_image(point[None], record.width, record.height)[0]:
                continue
            keypoints = record.keypoints.copy()
            keypoints[k] = *point, 2
            yield Suspect(
                "keypoint-missing", probability, probability, int(i), (names[k],),
                f"{names[k]} is not labelled, and the model is as sure of it as where it is"
                f" (score {evidence.scores[i, k]:.2f}).", record, replace(record, keypoints=keypoints),
            )  # fmt: skip


def box_off(evidence: Evidence) -> Iterator[Suspect]:
    """Find boxes that do not fit the keypoints in them as other boxes do.

    Args:
        evidence: labels and predictions.

    Yields:
        One suspect an instance whose box was not made from its keypoints.
    """
    known = np.isfinite(evidence.boxes).all(axis=1)
    apart = np.full(len(evidence.records), np.nan)
    for i in np.flatnonzero(known):
        apart[i] = 1 - box_overlaps(evidence.label_boxes[i][None], evidence.boxes[i][None])[0, 0]
    share = wrong_share(apart)
    for i in np.flatnonzero((share > 0) & ~evidence.derived):
        record = evidence.records[i]
        words = f"its box shares {1 - apart[i]:.0%} (IoU) with the box that the keypoints found in it imply."
        proposal = replace(record, bbox=evidence.boxes[i])
        if apart[i] > 0.3 and box_area(evidence.boxes[i]) > 0:
            gain = float(share[i] * min(1.0, apart[i] / 0.5))
            yield Suspect("box", gain, float(share[i]), int(i), (), words, record, proposal)


KINDS = {
    "sides-exchanged": "left and right exchanged",
    "wrong-instance": "keypoints of another instance",
    "keypoint-off": "a keypoint in the wrong place",
    "keypoint-missing": "a keypoint that nobody labelled",
    "box": "a box that does not fit",
}
"""What each kind of suspect is, in words."""


def _suspect(
    kind: str,
    evidence: Evidence,
    usual: Usual,
    i: int,
    about: np.ndarray,
    probability: float,
    what: str,
    proposal: PoseRecord,
    worst: float | None = None,
) -> Suspect:
    """Return a suspect; its gain is that of all its keypoints, or of the ``worst`` residual."""
    z = np.nan_to_num(usual.z[i][about]) if worst is None else np.array([worst])
    lost = 1 - np.exp(-((z / _FAR) ** 2).sum() / 2)
    names = tuple(name for name, chosen in zip(evidence.schema.keypoints, about, strict=True) if chosen)
    probability = min(probability, _MOST)
    return Suspect(
        kind, probability * float(lost), probability, i, names, what, evidence.records[i], proposal
    )


def _moved(record: PoseRecord, predicted: np.ndarray, which: np.ndarray) -> PoseRecord:
    """Return the label with some of its labelled keypoints where they were predicted, if that is in the image."""
    inside = inside_image(predicted, record.width, record.height)
    keypoints = record.keypoints.copy()
    moved = which & (keypoints[:, 2] > 0)
    keypoints[moved & inside, :2] = predicted[moved & inside]
    keypoints[moved & ~inside] = 0
    return replace(record, keypoints=keypoints)


def _one_pair(flips: np.ndarray, k: int) -> np.ndarray:
    exchange = np.arange(len(flips))
    exchange[[k, flips[k]]] = flips[k], k
    return exchange


def _median(values: np.ndarray) -> np.ndarray:
    """Return the median of each row without NaN; infinity for a row of NaN alone."""
    known = np.isfinite(values).any(axis=1)
    found = np.full(len(values), np.inf)
    found[known] = np.nanmedian(values[known], axis=1)
    return found


def _odd_by_shape(evidence: Evidence) -> list[tuple[int, int]]:
    """Return instance and keypoint of what ``check`` calls an outlier."""
    chosen = np.flatnonzero(evidence.labelled.sum(axis=1) >= LEAST_POINTS)
    if len(chosen) < LEAST_INSTANCES:
        return []
    found = outlier_suspects(evidence.points[chosen], evidence.labelled[chosen])
    return [(int(chosen[place]), k) for place, k, _ in found]


def _of_others(z: np.ndarray) -> np.ndarray:
    """Return for each keypoint the median of the others of its instance; 1 where there are fewer than two."""
    found = np.ones_like(z)
    for k in range(z.shape[1]):
        others = np.delete(z, k, axis=1)
        enough = np.isfinite(others).sum(axis=1) >= 2
        found[enough, k] = np.nanmedian(others[enough], axis=1)
    return found


def _listed(names: tuple[str, ...], which: np.ndarray) -> str:
    some = [name for name, chosen in zip(names, which, strict=True) if chosen]
    return ", ".join(some[:4]) + (f" and {len(some) - 4} more" if len(some) > 4 else "")
