"""What the categories of a COCO file say about their keypoints."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from kpplugins.data.coco.single_points import single_point_names
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.parsing.skeletons import skeleton_lines
from kpplugins.data.parsing.values import coco_id
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import infer_schema, numbered_names, union_schema
from kpplugins.schema.side_names import read_sides
from kpplugins.storage.files import stamp_of
from kpplugins.structures import BadInputError


def coco_object(path: Path) -> dict:
    """Read what a COCO file holds, NaN included.

    Args:
        path: the JSON file.

    Returns:
        The object with the lists ``images``, ``annotations`` and ``categories``.

    Raises:
        BadInputError: see ``load_json``; or it lacks one of the three lists, or a category is not an object.
    """
    content = load_json(path, finite=False)
    keys = ("images", "annotations", "categories")
    if not isinstance(content, dict) or any(not isinstance(content.get(key), list) for key in keys):
        raise BadInputError(
            "not a COCO file", where=str(path), expected=f"an object with the lists {', '.join(keys)}"
        )
    if not all(isinstance(category, dict) for category in content["categories"]):
        raise BadInputError("categories must be objects", where=str(path))
    return content


def has_keypoints(content: dict[str, Any]) -> bool:
    """Tell whether a COCO file has keypoints, named or not; ``instances_*.json`` has none.

    Args:
        content: what it holds, see ``coco_object``.

    Returns:
        True if a category names keypoints or an annotation has some.
    """
    return bool(single_point_names(content)) or any(c.get("keypoints") for c in _with_names(content, {}))


def schemas_of(
    content: dict, path: Path, single: Mapping[str, str] | None = None, notes: Notes | None = None
) -> tuple[KeypointSchema, dict[str, tuple[str, ...]]]:
    """Build the schema of all categories together.

    Args:
        content: what the COCO file holds, see ``coco_object``.
        path: the file, for messages.
        single: see ``single_point_names``.
        notes: what was left out of the categories is added to it.

    Returns:
        The schema with the keypoints of all categories, and the keypoint names of each category that has any, by its
        name.

    Raises:
        BadInputError: no category has keypoints, one is malformed, or they contradict each other.
    """
    schemas: dict[str, KeypointSchema] = {}
    for category in _with_names(content, single or {}):
        if category.get("keypoints"):
            name = str(category.get("name", "object"))
            schema = _schema_of(category, path, Notes() if notes is None else notes)
            if schemas.setdefault(name, schema).keypoints != schema.keypoints:
                raise BadInputError(
                    f"category {name!r} twice with different keypoints", where=str(path), todo="rename one"
                )
    if not schemas:
        raise BadInputError(
            "no category has keypoints", where=str(path), expected="categories[].keypoints, a list of names"
        )
    own = {name: schema.keypoints for name, schema in schemas.items()}
    same = len(set(own.values())) == 1
    given = [str(c.get("name", "object")) for c in content["categories"] if c.get("sigmas") is not None]
    try:
        return next(iter(schemas.values())) if same else union_schema(schemas, given), own
    except BadInputError as error:
        raise BadInputError(
            error.what, where=f"{path}: categories", found=error.found, todo=error.todo
        ) from error


def schema_of_file(path: Path) -> KeypointSchema:
    """Read the keypoint schema that a COCO file's categories state: the keypoints of all of them.

    Args:
        path: the JSON file.

    Returns:
        The schema of all categories together.

    Raises:
        BadInputError: see ``coco_object`` and ``schemas_of``.
    """
    return schemas_of(_categories(path), path)[0]


def category_keypoints_of_file(path: Path) -> dict[str, tuple[str, ...]]:
    """Read the names of the keypoints of each category.

    Args:
        path: the JSON file.

    Returns:
        Keypoint names by the name of the category; categories without keypoints are left out.

    Raises:
        BadInputError: see ``coco_object`` and ``schemas_of``.
    """
    return schemas_of(_categories(path), path)[1]


def category_names_of_file(path: Path) -> list[str]:
    """Read the names of all categories, those without keypoints too.

    Args:
        path: the JSON file.

    Returns:
        The names in the order of the categories' ids; each once.

    Raises:
        BadInputError: see ``coco_object``.
    """
    numbered = sorted(
        _categories(path)["categories"], key=lambda c: (str(type(c.get("id"))), c.get("id") or 0)
    )
    return list(dict.fromkeys(str(c.get("name", "object")) for c in numbered))


def _categories(path: Path) -> dict[str, Any]:
    """Return the categories of a file, parsed once as long as it is not written again."""
    try:
        stamp = stamp_of(path)
    except OSError:
        return coco_object(path)  # which says what is wrong with it
    return _parsed_categories(path, *stamp)


@lru_cache(maxsize=16)
def _parsed_categories(path: Path, written: int, size: int) -> dict[str, Any]:
    return {"categories": coco_object(path)["categories"]}


def _with_names(content: dict[str, Any], single: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the categories; if none names its keypoints, with numbered names for those whose annotations have some."""
    categories = content["categories"]
    if single:
        others = [str(c.get("name", "object")) for c in categories if coco_id(c.get("id")) not in single]
        return [{"name": others[0] if len(others) == 1 else "object", "keypoints": list(single.values())}]
    if any(c.get("keypoints") for c in categories):
        return categories
    lengths: dict[str | None, Counter[int]] = {}
    for annotation in content.get("annotations", ()):
        flat = annotation.get("keypoints") if isinstance(annotation, dict) else None
        if isinstance(flat, list) and flat and len(flat) % 3 == 0:
            lengths.setdefault(coco_id(annotation.get("category_id")), Counter())[len(flat) // 3] += 1
    if not categories and lengths:  # the file names nothing at all
        most = sum(lengths.values(), Counter()).most_common(1)[0][0]
        return [{"name": "object", "keypoints": numbered_names(most)}]
    numbers = {key: counts.most_common(1)[0][0] for key, counts in lengths.items()}
    return [
        {**c, "keypoints": numbered_names(numbers[key])} if (key := coco_id(c.get("id"))) in numbers else c
        for c in categories
    ]


def _schema_of(category: dict, path: Path, notes: Notes) -> KeypointSchema:
    names = category["keypoints"]
    where = f"{path}: category {category.get('name', category.get('id'))!r}"
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise BadInputError(
            "keypoints of a category must be a list of names", where=where, found=str(names)[:80]
        )
    try:
        pairs = category.get("flip_pairs")
        if pairs == [] and "flips" not in category and read_sides(names).pairs:
            pairs = None  # left there by a tool that knows none
        schema = infer_schema(
            str(category.get("name", "object")),
            names,
            skeleton=skeleton_lines(names, category.get("skeleton"), first=1, where=where, notes=notes),
            flip_pairs=None if pairs is None else [(str(a), str(b)) for a, b in pairs],
            sigmas=category.get("sigmas"),
        )
    except BadInputError as error:
        raise BadInputError(error.what, where=where, expected=error.expected, found=error.found) from error
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        raise BadInputError(f"flip_pairs or sigmas are malformed ({error})", where=where) from error
    source, unpaired = category.get("sigmas_source"), category.get("unpaired") or ()
    if not isinstance(unpaired, (list, tuple)) or not set(map(str, unpaired)) <= set(names):
        raise BadInputError("unpaired must be a list of its keypoints", where=where, found=str(unpaired)[:60])
    try:
        return replace(
            schema,
            sigmas_source=str(source or schema.sigmas_source),
            unpaired=tuple(map(str, unpaired)) if "unpaired" in category else schema.unpaired,
            flips=category.get("flips") or schema.flips,
        )
    except BadInputError as error:
        raise BadInputError(error.what, where=where, expected=error.expected, found=error.found) from error
