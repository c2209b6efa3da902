"""Infer a keypoint schema from names: flip pairs from left and right, sigmas from COCO's names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kpplugins.schema.keypoint_schema import DEFAULT_SIGMA, KNOWN, NOT_KNOWN, ONE_SIDED, KeypointSchema
from kpplugins.schema.side_names import read_sides, words_of
from kpplugins.structures.errors import BadInputError

COCO_SIGMAS = {
    "nose": 0.026, "left_eye": 0.025, "right_eye": 0.025, "left_ear": 0.035, "right_ear": 0.035,
    "left_shoulder": 0.079, "right_shoulder": 0.079, "left_elbow": 0.072, "right_elbow": 0.072,
    "left_wrist": 0.062, "right_wrist": 0.062, "left_hip": 0.107, "right_hip": 0.107,
    "left_knee": 0.087, "right_knee": 0.087, "left_ankle": 0.089, "right_ankle": 0.089,
}  # fmt: skip
"""COCO's OKS sigmas (keypoints evaluation page of cocodataset.org, from 5,000 redundantly annotated images)."""


def infer_schema(
    name: str,
    keypoints: Sequence[str],
    *,
    skeleton: Sequence[tuple[str, str]] = (),
    flip_pairs: Sequence[tuple[str, str]] | None = None,
    sigmas: Sequence[float] | None = None,
) -> KeypointSchema:
    """Build a schema, inferring from the names whatever is not given.

    Args:
        name: of the keypoint set.
        keypoints: K names.
        skeleton: pairs of names.
        flip_pairs: all pairs of names; ``None`` infers them from the names (``read_sides``). Where the names state any
            side, those without one are taken to lie on the axis; where they state none, the pairs are unknown.
        sigmas: K numbers; ``None`` takes COCO's if every name is one of COCO's, else the default for all.

    Returns:
        The schema.

    Raises:
        BadInputError: see ``KeypointSchema``.
    """
    KeypointSchema(name, tuple(keypoints))  # refuses names that would take long to read
    sides = read_sides(keypoints)
    pairs, lone = (sides.pairs, sides.lone) if flip_pairs is None else (tuple(flip_pairs), ())
    known = flip_pairs is not None or pairs or lone or len(keypoints) == 1
    source = "given with the data"
    if sigmas is None:
        cocos = all(_plain(k) in COCO_SIGMAS for k in keypoints)
        sigmas = [COCO_SIGMAS[_plain(k)] if cocos else DEFAULT_SIGMA for k in keypoints]
        source = "COCO's, by name" if cocos else f"default {DEFAULT_SIGMA} for all, not measured"
    return KeypointSchema(
        name=name,
        keypoints=tuple(keypoints),
        flip_pairs=pairs,
        skeleton=tuple((a, b) for a, b in skeleton),
        sigmas=tuple(float(s) for s in sigmas),
        sigmas_source=source,
        unpaired=lone,
        flips=KNOWN if known else NOT_KNOWN,
    )


def numbered_names(k: int) -> list[str]:
    """Name the keypoints of a source that does not.

    Args:
        k: how many there are.

    Returns:
        ``kpt_0``, ``kpt_1``, ….
    """
    return [f"kpt_{i}" for i in range(k)]


def renamed_schema(schema: KeypointSchema, names: Sequence[str], pairs_given: bool) -> KeypointSchema:
    """Give the keypoints of a schema other names, in the same order.

    Args:
        schema: with K keypoints.
        names: K names.
        pairs_given: the flip pairs, or that there are none, were stated; otherwise, where there are none, they
            follow from the new names.

    Returns:
        The schema. Sigmas that were inferred are inferred again.

    Raises:
        BadInputError: see ``KeypointSchema``.
    """
    new = dict(zip(schema.keypoints, names, strict=True))
    inferred = schema.sigmas_source.startswith(("default", "COCO's"))
    pairs = [(new[a], new[b]) for a, b in schema.flip_pairs]
    named = infer_schema(
        schema.name, names, skeleton=[(new[a], new[b]) for a, b in schema.skeleton],
        flip_pairs=pairs if pairs or pairs_given else None, sigmas=None if inferred else schema.sigmas,
    )  # fmt: skip
    return replace(
        named,
        sigmas_source=named.sigmas_source if inferred else schema.sigmas_source,
        unpaired=tuple(new[n] for n in schema.unpaired) if pairs or pairs_given else named.unpaired,
        flips=schema.flips if pairs_given else named.flips,
    )


def union_schema(schemas: Mapping[str, KeypointSchema], given: Sequence[str] = ()) -> KeypointSchema:
    """Merge the schemas of several categories into one that has every keypoint name once.

    An instance of one category has the keypoints of the others absent. The flip pairs are known if those of every
    category are, or if one category has some: like names without a side, the others then lie on the axis.

    Args:
        schemas: one per category, by its name.
        given: categories whose sigmas were given; the other keypoints' sigmas are inferred from all names together.

    Returns:
        The merged schema, keypoints in order of first appearance.

    Raises:
        BadInputError: two categories give one keypoint different sigmas, or pair it with different keypoints.
    """
    parts = list(schemas.values())
    names = list(dict.fromkeys(n for s in parts for n in s.keypoints))
    sigmas: dict[str, float] = {}
    for kind in given:
        for name, sigma in zip(schemas[kind].keypoints, schemas[kind].sigmas, strict=True):
            if sigmas.setdefault(name, sigma) != sigma:
                raise BadInputError(
                    f"keypoint {name!r} has different sigmas in two categories", where=kind,
                    found=f"{sigmas[name]:g} and {sigma:g}", todo="give it one sigma, or rename one of the two",
                )  # fmt: skip
    inferred = infer_schema("+".join(dict.fromkeys(s.name for s in parts)), names, flip_pairs=[])
    sources = [schemas[kind].sigmas_source for kind in given] + [inferred.sigmas_source] * (
        len(sigmas) < len(names)
    )
    pairs = {tuple(sorted(pair)): pair for s in parts for pair in s.flip_pairs}
    paired = {n for pair in pairs.values() for n in pair}
    flips = min((s.flips for s in parts), key=[ONE_SIDED, NOT_KNOWN, KNOWN].index)
    return replace(
        inferred,
        flip_pairs=tuple(pairs.values()),
        skeleton=tuple(dict.fromkeys(line for s in parts for line in s.skeleton)),
        sigmas=tuple(sigmas.get(n, s) for n, s in zip(names, inferred.sigmas, strict=True)),
        sigmas_source="; ".join(dict.fromkeys(sources)),
        unpaired=tuple(n for n in names if n not in paired and any(n in s.unpaired for s in parts)),
        flips=flips,
    )


def _plain(name: str) -> str:
    return "_".join(words_of(name))
