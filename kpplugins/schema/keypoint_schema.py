"""The single description of a keypoint set; everything that depends on K reads it."""

import colorsys
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kpplugins.schema.side_names import read_sides
from kpplugins.storage.files import read_bytes
from kpplugins.structures.errors import BadInputError
from kpplugins.structures.replaced_file import replace_text

DEFAULT_SIGMA = 0.05
"""OKS sigma of a keypoint without a measured one: repeated annotations are assumed to spread by 5 % of the instance's
size. COCO's measured sigmas range from 0.025 (eyes) to 0.107 (hips)."""

KNOWN, NOT_KNOWN, ONE_SIDED = "known", "unknown", "one-sided"

_MOST, _LONGEST = 2000, 200
"""Most keypoints or lines, and most characters of a name: all are drawn, written and compared by pairs."""
_LEVELS = set(range(256))


@dataclass(frozen=True)
class KeypointSchema:
    """Names, flip pairs, skeleton, OKS sigmas and colours of a keypoint set of K points.

    Everything refers to names, so that a subset keeps its meaning. The number of keypoints of a model, the flip indices
    of augmentation and flip test, the OKS sigmas and the lines that are drawn all come from here.

    Args:
        name: name of the keypoint set, e.g. ``cat``.
        keypoints: K names, in the order of the annotations.
        flip_pairs: pairs of names that change places when an image is mirrored; a keypoint in no pair keeps its place.
        skeleton: pairs of names that are joined by a line.
        sigmas: K OKS sigmas (COCO's σ, so that k = 2σ), as fractions of the instance's size √area. Empty means
            ``DEFAULT_SIGMA`` for all.
        sigmas_source: a description of where the sigmas come from; printed beside every OKS result.
        colors: K colours (R, G, B), 0-255. Empty means evenly spaced hues.
        unpaired: keypoints whose partner on the other side is not in the set. Such a set cannot be mirrored: a mirrored
            left eye is a right eye, which the set does not have. It is trained without flips and tested without flip
            test.
        flips: ``known``: ``flip_pairs`` are all there are, and without any the set is known to have none; ``unknown``:
            nobody has said; ``one-sided``: its instances are never seen mirrored. Only a ``known`` set is flipped.
            Empty means ``known`` if there are ``flip_pairs`` or ``unpaired``, or one keypoint alone, else ``unknown``.
            Pairs that are there are known: ``unknown`` with ``flip_pairs`` becomes ``known``.

    Raises:
        BadInputError: a duplicate name, a pair with an unknown name, a keypoint in two flip pairs, a number of sigmas
            or colours other than K, a sigma that is not positive, or another word for ``flips``.
    """

    name: str
    keypoints: tuple[str, ...]
    flip_pairs: tuple[tuple[str, str], ...] = ()
    skeleton: tuple[tuple[str, str], ...] = ()
    sigmas: tuple[float, ...] = ()
    sigmas_source: str = f"default {DEFAULT_SIGMA} for all, not measured"
    colors: tuple[tuple[int, int, int], ...] = ()
    unpaired: tuple[str, ...] = ()
    flips: str = ""

    def __post_init__(self) -> None:
        self._check_types()
        k = len(self.keypoints)
        if not self.sigmas:
            object.__setattr__(self, "sigmas", (DEFAULT_SIGMA,) * k)
        if not self.colors:
            object.__setattr__(self, "colors", _even_hues(k))
        if self.flips in ("", NOT_KNOWN):
            known = self.flip_pairs or (not self.flips and (self.unpaired or k == 1))
            object.__setattr__(self, "flips", KNOWN if known else NOT_KNOWN)
        self._check_names()
        self._check_lengths()

    @property
    def num_keypoints(self) -> int:
        """Return K."""
        return len(self.keypoints)

    @property
    def sigmas_are_default(self) -> bool:
        """Tell whether the sigmas were neither given nor measured."""
        return set(self.sigmas) == {DEFAULT_SIGMA} and self.sigmas_source.startswith("default")

    @property
    def flip_indices(self) -> list[int]:
        """Return K indices: keypoint i of the mirrored image is keypoint ``flip_indices[i]`` of the original."""
        partner = self._partners
        return [self.keypoints.index(partner.get(n, n)) for n in self.keypoints]

    @property
    def unflipped(self) -> str:
        """Return why the set is trained and tested without flips, in words; empty if it is flipped."""
        if self.unpaired:
            return f"{', '.join(self.unpaired)} without partners cannot be mirrored"
        return {
            NOT_KNOWN: "it is not known which keypoints are left and right of one thing",
            ONE_SIDED: "the instances are never seen mirrored",
        }.get(self.flips, "")

    @property
    def _partners(self) -> dict[str, str]:
        return dict(self.flip_pairs) | {b: a for a, b in self.flip_pairs}

    @property
    def skeleton_indices(self) -> list[tuple[int, int]]:
        """Return the skeleton's lines as pairs of indices."""
        return [(self.keypoints.index(a), self.keypoints.index(b)) for a, b in self.skeleton]

    def indices_of(self, names: Sequence[str]) -> list[int]:
        """Return the positions of ``names``; raise BadInputError for an unknown one, listing those that exist."""
        unknown = [n for n in names if n not in self.keypoints]
        if unknown:
            raise BadInputError(
                f"unknown keypoint {unknown[0]!r} of {self.name!r}",
                expected=f"some of {', '.join(self.keypoints)}",
            )
        return [self.keypoints.index(n) for n in names]

    def subset(self, names: Sequence[str] | None) -> "KeypointSchema":
        """Return the schema of some keypoints, in the given order; ``None`` means all. Incomplete pairs are dropped."""
        if names is None:
            return self
        if len(names) == 0:
            raise BadInputError(
                "no keypoints chosen", where="keypoints", expected=f"some of {list(self.keypoints)}"
            )
        index, kept = self.indices_of(names), set(names)
        return KeypointSchema(
            name=self.name,
            keypoints=tuple(names),
            flip_pairs=tuple(p for p in self.flip_pairs if set(p) <= kept),
            skeleton=tuple(p for p in self.skeleton if set(p) <= kept),
            sigmas=tuple(self.sigmas[i] for i in index),
            sigmas_source=self.sigmas_source,
            colors=tuple(self.colors[i] for i in index),
            unpaired=tuple(n for n in names if n in self.unpaired or self._partners.get(n, n) not in kept),
            flips=self.flips,
        )

    def to_metainfo(self) -> dict[str, Any]:
        """Return MMPose's ``dataset_info`` dict, as ``parse_pose_metainfo`` and the datasets' ``metainfo`` take it."""
        partner = self._partners
        return {
            "dataset_name": self.name,
            "keypoint_info": {
                i: {"name": n, "id": i, "color": list(self.colors[i]), "type": "", "swap": partner.get(n, "")}
                for i, n in enumerate(self.keypoints)
            },
            "skeleton_info": {
                i: {"link": (a, b), "id": i, "color": list(self.colors[self.keypoints.index(a)])}
                for i, (a, b) in enumerate(self.skeleton)
            },
            "joint_weights": [1.0] * self.num_keypoints,
            "sigmas": list(self.sigmas),
        }

    @classmethod
    def from_metainfo(cls, parsed: dict[str, Any]) -> "KeypointSchema":
        """Build a schema from the parsed ``metainfo`` of an MMPose dataset (the result of ``parse_pose_metainfo``)."""
        names = tuple(parsed["keypoint_id2name"][i] for i in range(int(parsed["num_keypoints"])))
        flips = [int(i) for i in parsed["flip_indices"]]
        return cls(
            name=str(parsed["dataset_name"]),
            keypoints=names,
            flip_pairs=tuple((names[i], names[j]) for i, j in enumerate(flips) if i < j),
            skeleton=tuple((names[a], names[b]) for a, b in parsed["skeleton_links"]),
            sigmas=tuple(round(float(s), 6) for s in parsed["sigmas"]),
            sigmas_source=str(parsed.get("sigmas_source", f"dataset {parsed['dataset_name']}")),
            colors=tuple((int(r), int(g), int(b)) for r, g, b in parsed["keypoint_colors"]),
            unpaired=tuple(str(n) for n in parsed.get("unpaired", ())),
            flips=str(
                parsed.get("flips", KNOWN)
            ),  # MMPose states every keypoint's partner, or that it has none
        )

    def save(self, path: Path) -> None:
        """Write the schema as JSON."""
        replace_text(path, json.dumps(self.__dict__, indent=2) + "\n")

    @classmethod
    def from_dict(cls, values: Any) -> "KeypointSchema":
        """Build a schema from its fields as JSON has them, with lists instead of tuples.

        Args:
            values: the fields by name.

        Returns:
            The schema.

        Raises:
            TypeError, AttributeError: they are not the fields of a schema.
            BadInputError: see the class.
        """
        return cls(**{key: _tuples(value) for key, value in values.items()})

    @classmethod
    def load(cls, path: Path) -> "KeypointSchema":
        """Read a file that ``save`` wrote; raise BadInputError, naming the file, if it is not one.

        A file that says nothing of ``flips``, and has no pairs, has those that the names state.
        """
        try:
            raw = json.loads(read_bytes(path).decode("utf-8"))
            schema = cls.from_dict(raw)
            if "flips" in raw or schema.flips == KNOWN:
                return schema
            sides = read_sides(schema.keypoints)
            return replace(schema, flip_pairs=sides.pairs, unpaired=sides.lone, flips="")
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            if isinstance(error, BadInputError):
                raise
            raise BadInputError(
                f"not a keypoint schema: {error}",
                where=str(path),
                todo="train again, or copy schema.json from a run",
            ) from error

    def _check_types(self) -> None:
        """Raise where a field is not what its type says, which a file may claim, or is larger than anything real."""
        wrong = [name for name in (self.name, *self.keypoints, *self.unpaired) if not _is_name(name)]
        wrong += [text for text in (self.sigmas_source, self.flips) if not isinstance(text, str)]
        pairs = [pair for pair in (*self.flip_pairs, *self.skeleton) if not isinstance(pair, tuple)]
        pairs += [pair for pair in (*self.flip_pairs, *self.skeleton) if not all(map(_is_name, pair))]
        numbers: list[Any] = [
            s for s in self.sigmas if isinstance(s, bool) or not isinstance(s, (int, float))
        ]
        numbers += [
            c for c in self.colors if not isinstance(c, tuple) or len(c) != 3 or not set(c) <= _LEVELS
        ]
        for found in (*wrong, *pairs, *numbers):
            raise BadInputError(
                "schema holds a value that cannot be", where="schema", found=ascii(found)[:60],
                expected=f"texts of up to {_LONGEST} characters, pairs of them, positive sigmas, colours of 0 to 255",
            )  # fmt: skip
        if max(len(self.keypoints), len(self.skeleton)) > _MOST:
            raise BadInputError(
                "too many keypoints or lines", where=f"schema {self.name!r}", expected=f"at most {_MOST} of each",
                found=f"{len(self.keypoints)} keypoints, {len(self.skeleton)} lines",
            )  # fmt: skip

    def _check_names(self) -> None:
        twice = sorted(n for n, times in Counter(self.keypoints).items() if times > 1)
        if twice or not self.keypoints:
            raise BadInputError(
                "keypoint names must be unique, and there must be at least one",
                where=f"schema {self.name!r}",
                found=f"{twice[0]!r} twice" if twice else "none",
            )
        for kind, pairs in (("flip pair", self.flip_pairs), ("skeleton line", self.skeleton)):
            for pair in pairs:
                if len(pair) != 2 or pair[0] == pair[1] or not set(pair) <= set(self.keypoints):
                    raise BadInputError(
                        f"{kind} {tuple(pair)} must join two different known keypoints",
                        where=f"schema {self.name!r}",
                        expected=f"names among {', '.join(self.keypoints)}",
                    )
        flipped = [n for pair in self.flip_pairs for n in pair]
        again = sorted(n for n, times in Counter(flipped).items() if times > 1)
        if again:
            raise BadInputError(f"keypoint {again[0]!r} is in two flip pairs", where=f"schema {self.name!r}")

        if self.flips not in (KNOWN, NOT_KNOWN, ONE_SIDED):
            raise BadInputError(
                "no such state of the flips", where=f"schema {self.name!r}: flips",
                expected=f"{KNOWN}, {NOT_KNOWN} or {ONE_SIDED}", found=repr(self.flips)[:60],
            )  # fmt: skip

    def _check_lengths(self) -> None:
        for kind, values in (("sigmas", self.sigmas), ("colors", self.colors)):
            if len(values) != self.num_keypoints:
                raise BadInputError(
                    f"number of {kind} differs from the number of keypoints",
                    where=f"schema {self.name!r}",
                    expected=str(self.num_keypoints),
                    found=str(len(values)),
                )
        wrong = [s for s in self.sigmas if not 0 < s < math.inf]
        if wrong:
            raise BadInputError("sigmas must be positive", where=f"schema {self.name!r}", found=str(wrong[0]))


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _even_hues(k: int) -> tuple[tuple[int, int, int], ...]:
    """Return K bright colours with evenly spaced hues."""
    rgb = (colorsys.hsv_to_rgb(i / max(k, 1), 0.9, 1.0) for i in range(k))
    return tuple((round(255 * r), round(255 * g), round(255 * b)) for r, g, b in rgb)


def _tuples(value: Any) -> Any:
    """Convert JSON's lists back to tuples."""
    return (
        tuple(_tuples(v) for v in value)
        if isinstance(value, Iterable) and not isinstance(value, str)
        else value
    )
