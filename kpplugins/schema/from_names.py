"""Infer a keypoint schema from names: flip pairs from left and right, sigmas from COCO's names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kpplugins.schema.keypoint_schema import DEFAULT_SIGMA, KeypointSchema
from kpplugins.structures.errors import BadInputError

COCO_SIGMAS = {
    "nose": 0.026, "left_eye": 0.025, "right_eye": 0.025, "left_ear": 0.035, "right_ear": 0.035,
    "left_shoulder": 0.079, "right_shoulder": 0.079, "left_elbow": 0.072, "right_elbow": 0.072,
    "left_wrist": 0.062, "right_wrist": 0.062, "left_hip": 0.107, "right_hip": 0.107,
    "left_knee": 0.087, "right_knee": 0.087, "left_ankle": 0.089, "right_ankle": 0.089,
}  # fmt: skip
"""COCO's OKS sigmas (keypoints evaluation page of cocodataset.org, from 5,000 redundantly annotated images)."""

_SIDES = (("left", "right"), ("l", "r"))


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
        flip_pairs: pairs of names; ``None`` infers them from the names (``flip_pairs_by_name``).
        sigmas: K numbers; ``None`` takes COCO's if every name is one of COCO's, else the default for all.

    Returns:
        The schema.

    Raises:
        BadInputError: see ``KeypointSchema``.
    """
    source = "given with the data"
    if sigmas is None:
        known = all(_plain(k) in COCO_SIGMAS for k in keypoints)
        sigmas = [COCO_SIGMAS[_plain(k)] if known else DEFAULT_SIGMA for k in keypoints]
        source = "COCO's, by name" if known else f"default {DEFAULT_SIGMA} for all, not measured"
    return KeypointSchema(
        name=name,
        keypoints=tuple(keypoints),
        flip_pairs=tuple(flip_pairs_by_name(keypoints) if flip_pairs is None else flip_pairs),
        skeleton=tuple((a, b) for a, b in skeleton),
        sigmas=tuple(float(s) for s in sigmas),
        sigmas_source=source,
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
        unpaired=tuple(new[n] for n in schema.unpaired),
    )


def union_schema(schemas: Mapping[str, KeypointSchema], given: Sequence[str] = ()) -> KeypointSchema:
    """Merge the schemas of several categories into one that has every keypoint name once.

    An instance of one category has the keypoints of the others absent.

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
    return replace(
        inferred,
        flip_pairs=tuple(pairs.values()),
        skeleton=tuple(dict.fromkeys(line for s in parts for line in s.skeleton)),
        sigmas=tuple(sigmas.get(n, s) for n, s in zip(names, inferred.sigmas, strict=True)),
        sigmas_source="; ".join(dict.fromkeys(sources)),
        unpaired=tuple(n for n in names if n not in paired and any(n in s.unpaired for s in parts)),
    )


def flip_pairs_by_name(keypoints: Sequence[str]) -> list[tuple[str, str]]:
    """Find the pairs of names that differ only in left and right.

    Recognised spellings, upper or lower case: ``left_eye``/``right_eye``, ``eye_left``, ``leftEye``, ``eyeLeft``,
    ``LEye``, ``eye_l``, ``l-eye``, ``eye.L``, ``lefteye``.

    Args:
        keypoints: K names.

    Returns:
        Pairs (left, right), in the order of the names.
    """
    by_words: dict[tuple[str, ...], list[str]] = {}
    for name in keypoints:
        by_words.setdefault(tuple(_words(name)), []).append(name)
    pairs = []
    for name in keypoints:
        words = _words(name)
        for left, right in _SIDES:
            if left in words:
                mirrored = tuple(right if word == left else word for word in words)
                if len(by_words.get(mirrored, [])) == 1 and len(by_words[tuple(words)]) == 1:
                    pairs.append((name, by_words[mirrored][0]))
    return pairs


def _words(name: str) -> list[str]:
    """Split a name in snake, kebab, dotted or camel case into lower-case words; ``leftear`` is two words."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = [word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word]
    return [
        part for word in words for part in re.split(r"^(left|right)(?=.)|(?<=.)(left|right)$", word) if part
    ]


def _plain(name: str) -> str:
    return "_".join(_words(name))
