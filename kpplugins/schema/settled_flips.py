"""Decide whether a set may be flipped: by what its source says, by the names, and by the labelled keypoints.

A set is flipped if it is known which keypoints change places when an image is mirrored, and if the labels do not speak
against it. What the labels alone suggest is used only where the user accepts it, or where the names allow it:
``eye1`` and ``eye2`` may be left and right, ``head`` and ``tail`` may be each on its own.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations

import numpy as np

from kpplugins.schema.flip_evidence import AGREES, MIN_INSTANCES, apply_evidence, flip_evidence
from kpplugins.schema.flip_proposal import FlipProposal, propose_pairs
from kpplugins.schema.keypoint_schema import KNOWN, NOT_KNOWN, KeypointSchema
from kpplugins.schema.side_names import SideNames, are_alike, read_sides

HOW_TO_STATE = "--flip-pairs a:b … (all pairs), or --no-flip-pairs if there are none"

Pair = tuple[str, str]


def settled_flips(
    schema: KeypointSchema,
    points: np.ndarray,
    labelled: np.ndarray,
    *,
    stated: bool = False,
    accept: bool = False,
    seed: int = 0,
) -> tuple[KeypointSchema, list[str]]:
    """Decide whether a set may be flipped, and with which pairs.

    Args:
        schema: of the K keypoints, with the pairs that its source or its names state.
        points: (N, K, 2) pixels, (x, y).
        labelled: (N, K) boolean.
        stated: the user has stated the pairs: they are kept, and what contradicts them is only said.
        accept: use the pairs that the labels suggest.
        seed: of the random choice of instances.

    Returns:
        The schema with its state, and one line for everything that was decided or is doubtful.

    Raises:
        BadInputError: see ``flip_evidence``.
    """
    if stated:
        return schema, _against_the_stated(schema, points, labelled, seed)
    if schema.flips == NOT_KNOWN or not (schema.flip_pairs or schema.unpaired or contradictions(schema)):
        return (
            (schema, [])
            if schema.num_keypoints < 2
            else _asked(schema, propose_pairs(points, labelled, schema, seed), accept)
        )
    schema, lines = _agreed_with_names(schema, points, labelled, seed)
    settled, more = apply_evidence(schema, flip_evidence(points, labelled, schema, seed))
    if settled.unpaired:
        proposal = propose_pairs(points, labelled, schema, seed)
        sides = read_sides(schema.keypoints)
        old, new = (set(map(frozenset, pairs)) for pairs in (schema.flip_pairs, proposal.pairs))
        if proposal.is_clear and new and accept:
            return with_pairs(schema, proposal.pairs), [*lines, _accepted(proposal)]
        complete = frozenset().union(*old) <= frozenset().union(*new)
        if (
            proposal.is_clear
            and complete
            and not schema.unpaired
            and all(sides.may_pair(*p) for p in new - old)
        ):
            return with_pairs(schema, proposal.pairs), [*lines, _taken(proposal, sides)]
        if not lines and not more:
            more = [f"flips are off: {settled.unflipped}; to flip all the same: {HOW_TO_STATE}"]
        more = [line + _suggestion(proposal) for line in more]
    elif open_ones := _left_open(settled, points, labelled, seed):
        named = ", ".join(f"{a}/{b}" for a, b in open_ones)
        more.append(
            f"flips are off: {named} may be left and right, which neither the names nor the labels tell; state the "
            "pairs: --flip-pairs a:b … (all pairs)"
        )
        names = {name for pair in open_ones for name in pair}
        settled = replace(settled, unpaired=tuple(name for name in settled.keypoints if name in names))
    return settled, lines + more


def _left_open(schema: KeypointSchema, points: np.ndarray, labelled: np.ndarray, seed: int) -> list[Pair]:
    """Return pairs that differ in a number or letter only (``elbow_1`` and ``elbow_2``) and that the labels leave open.

    Beside names that state sides, they are taken to be each on its own only if the labels say so.
    """
    sides = read_sides(schema.keypoints)
    by_name = set(map(frozenset, schema.flip_pairs)) == set(map(frozenset, sides.pairs))
    twins = [(group[0], group[1]) for group in sides.numbered if len(group) == 2]
    if not (twins and by_name and schema.flips == KNOWN):  # a file that states pairs states all
        return []
    proposal = propose_pairs(points, labelled, schema, seed)
    if proposal.instances < MIN_INSTANCES:
        return twins
    return [
        pair
        for pair in twins
        if not proposal.doubtful.isdisjoint({pair, pair[::-1]}) or pair in proposal.pairs
    ]


def with_pairs(schema: KeypointSchema, pairs: Iterable[Pair]) -> KeypointSchema:
    """State the flip pairs of a schema.

    Args:
        schema: any.
        pairs: all pairs of names; none if every keypoint is its own mirror image.

    Returns:
        The schema, which is flipped from now on.

    Raises:
        BadInputError: see ``KeypointSchema``.
    """
    return replace(schema, flip_pairs=tuple(pairs), unpaired=(), flips=KNOWN)


def contradictions(schema: KeypointSchema) -> list[str]:
    """List where flip pairs contradict the names of the keypoints.

    Args:
        schema: with pairs from elsewhere than the names.

    Returns:
        In words: pairs of one side, pairs with and without a side, and left and right that are no pair.
    """
    sides = read_sides(schema.keypoints)
    side = {name: i for pair in sides.pairs for i, name in enumerate(pair)}
    found = [
        f"{a}/{b} joins {'two keypoints of one side' if side.get(a) == side.get(b) else 'a side and none'}"
        for a, b in schema.flip_pairs
        if (a in side or b in side) and (side.get(a) == side.get(b) or (a in side) != (b in side))
    ]
    used = {name for pair in schema.flip_pairs for name in pair} | set(schema.unpaired)
    return found + [f"{a} and {b} are no pair" for a, b in sides.pairs if not used & {a, b}]


def _asked(schema: KeypointSchema, proposal: FlipProposal, accept: bool) -> tuple[KeypointSchema, list[str]]:
    """Decide by the labels about a set of unknown pairs."""
    sides = read_sides(schema.keypoints)
    none_said = schema.flips == KNOWN
    if proposal.is_clear and accept:
        return with_pairs(schema, proposal.pairs), [_accepted(proposal)]
    if proposal.is_clear and proposal.pairs and all(sides.may_pair(*pair) for pair in proposal.pairs):
        return with_pairs(schema, proposal.pairs), [_taken(proposal, sides)]
    none_seen = proposal.instances >= MIN_INSTANCES and not proposal.pairs and not proposal.strangeness
    alike = any(
        are_alike(*pair) and not proposal.doubtful.isdisjoint({pair, pair[::-1]})
        for pair in combinations(schema.keypoints, 2)
    )
    if none_said and not proposal.strangeness and not (proposal.is_clear and proposal.pairs):
        return schema, []
    if none_seen and sides.telling and not alike:
        named = "".join(f"; {' and '.join(group)} are not left and right" for group in sides.numbered)
        line = (
            f"flips exchange no keypoints: the names state no sides, and mirrored instances look like real ones as "
            f"they are{named}; if some are left and right of one thing, state them: --flip-pairs a:b …"
        )
        return with_pairs(schema, ()), [line]
    names = "the file states no pairs" if none_said else "the names state no sides"
    return replace(schema, flips=NOT_KNOWN), [f"flips are off: {names}, and {_why(proposal)}"]


def _why(proposal: FlipProposal) -> str:
    if proposal.instances < MIN_INSTANCES:
        why = f"too few instances have three keypoints to tell ({proposal.instances}; {MIN_INSTANCES} are needed)"
    elif proposal.strangeness:
        why = _strange(proposal)
    elif proposal.is_clear and proposal.pairs:
        return f"left and right are not known{_suggestion(proposal)}; otherwise state them: {HOW_TO_STATE}"
    elif proposal.is_clear:
        why = "the labels suggest that there are none"
    else:
        why = "the labels do not tell either"
    return f"{why}; to flip, state the pairs: {HOW_TO_STATE}"


def _strange(proposal: FlipProposal) -> str:
    return (
        f"mirrored instances look like none of the real ones, whatever is exchanged ({proposal.strangeness:.0f} times "
        "as far from them as they are from each other)"
    )


def _suggestion(proposal: FlipProposal) -> str:
    if not proposal.is_clear or not proposal.pairs:
        return ""
    return f"; the labels suggest {_listed(proposal.pairs)}: if that is right, give --accept-flip-pairs"


def _accepted(proposal: FlipProposal) -> str:
    pairs = _listed(proposal.pairs) or "none"
    return f"flip pairs as the labels of {proposal.instances} instances suggest them, accepted: {pairs}"


def _taken(proposal: FlipProposal, sides: SideNames) -> str:
    used = {name for pair in proposal.pairs for name in pair}
    by_name = set(map(frozenset, sides.pairs))
    rest = "".join(f"; {' and '.join(group)} are not" for group in sides.numbered if not used & set(group))
    numbered = [pair for pair in proposal.pairs if frozenset(pair) not in by_name]
    return (
        f"{_listed(numbered)} are taken as left and right, which the names leave open: so mirrored instances look like "
        f"real ones{rest}; if that is wrong, state the pairs: {HOW_TO_STATE}"
    )


def _listed(pairs: Iterable[Pair]) -> str:
    return ", ".join(f"{a}/{b}" for a, b in pairs)


def _against_the_stated(
    schema: KeypointSchema, points: np.ndarray, labelled: np.ndarray, seed: int
) -> list[str]:
    """Say what names and labels have against the stated pairs, which are kept."""
    if schema.unflipped:
        return [f"flips are off, as the source states: {schema.unflipped}"]
    found = contradictions(schema)
    lines = [f"the stated flip pairs are kept, but contradict the names: {'; '.join(found)}"] if found else []
    if schema.flip_pairs:
        kept = "the stated flip pairs are kept, but the keypoints contradict them: "
        _, warnings = apply_evidence(schema, flip_evidence(points, labelled, schema, seed))
        return lines + [warning.replace("flips are off: ", kept) for warning in warnings]
    if schema.num_keypoints > 1:
        proposal = propose_pairs(points, labelled, schema, seed)
        if proposal.strangeness:
            lines.append(f"no flip pairs are stated, but {_strange(proposal)}")
        elif proposal.is_clear and proposal.pairs:
            lines.append(f"no flip pairs are stated, but the labels suggest {_listed(proposal.pairs)}")
    return lines


def _agreed_with_names(
    schema: KeypointSchema, points: np.ndarray, labelled: np.ndarray, seed: int
) -> tuple[KeypointSchema, list[str]]:
    """Let the labels decide where the source's pairs contradict the names; if they cannot, nothing is flipped."""
    found = contradictions(schema)
    if not found:
        return schema, []
    said = f"the file's flip pairs contradict the names ({'; '.join(found)})"
    by_name = with_pairs(schema, read_sides(schema.keypoints).pairs)
    for candidate, whose in ((schema, "the file's"), (by_name, "those of the names")):
        evidence = flip_evidence(points, labelled, candidate, seed)
        if {e.verdict for e in evidence} == {AGREES}:
            return candidate, [f"{said}; the labels agree with {whose}, which are used"]
    involved = {n for pair in {*schema.flip_pairs} ^ {*by_name.flip_pairs} for n in pair}
    off = replace(
        schema,
        flip_pairs=tuple(pair for pair in schema.flip_pairs if not involved & set(pair)),
        unpaired=tuple(n for n in schema.keypoints if n in involved),
    )
    return off, [
        f"flips are off: {said}, and the labels do not tell which are right; state them: {HOW_TO_STATE}"
    ]
