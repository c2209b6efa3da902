"""Check the categories and the keypoint names."""

from collections import Counter

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.schema.alike_names import alike_names
from kpplugins.schema.keypoint_schema import NOT_KNOWN
from kpplugins.schema.settled_flips import settled_flips
from kpplugins.schema.side_names import read_sides


def categories(material: Material) -> list[Finding]:
    """Report COCO categories without a name, with one name under two ids, or without any annotation.

    Args:
        material: the data set.

    Returns:
        One finding per category.
    """
    found: list[Finding] = []
    used = {str(a.entry.get("category_id")) for f in material.raw for a in f.annotations}
    empty: dict[str, Finding] = {}
    for file in material.raw:
        names = Counter(str(c.get("name") or "").strip() for c in file.categories)
        for name, count in names.items():
            ids = [str(c.get("id")) for c in file.categories if str(c.get("name") or "").strip() == name]
            if not name:
                what = f"Category {', '.join(ids)} has no name."
                todo = "give it one in categories[].name"
                found.append(Finding("category-unnamed", "suspect", what, todo, file.path))
            elif count > 1:
                what = f"The category {name!r} exists {count} times, with the ids {', '.join(ids)}."
                todo = "keep one id and give it to all annotations of that category"
                found.append(Finding("category-twice", "suspect", what, todo, file.path))
            if material.records and not used & set(ids):
                what = f"No annotation is of the category {name or ids[0]!r}."
                empty.setdefault(
                    name, Finding("category-empty", "note", what, "remove it if it is not needed", file.path)
                )
    return found + list(empty.values())


def names(material: Material) -> list[Finding]:
    """Report unknown flip pairs, flip pairs that contradict the names, and names that may be of one keypoint.

    Args:
        material: the data set.

    Returns:
        The findings.
    """
    schema, found = material.reading.schema, []
    for several in alike_names(schema.keypoints):
        what = f"{' and '.join(several)} look like one keypoint, but count as {len(several)}."
        todo = "if they are one, give them one name in the annotation tool"
        found.append(Finding("names-alike", "suspect", what, todo, material.source))
    edit = "name the keypoints and their flip_pairs (categories[] of the COCO files, or schema.json)"
    if schema.flips == NOT_KNOWN:
        settled, lines = settled_flips(schema, material.points, material.labelled)
        if settled.unflipped:
            what = f"{lines[0][0].upper()}{lines[0][1:].partition('; to flip')[0]}."
            todo = f"{edit}, or convert with --flip-pairs a:b … or --no-flip-pairs"
            found.append(Finding("flips-off", "note", what, todo, material.source))
    stated = {frozenset(pair) for pair in schema.flip_pairs}
    told = read_sides(schema.keypoints).pairs
    wrong = [
        pair for pair in schema.flip_pairs if any(set(pair) <= set(side) for side in zip(*told, strict=True))
    ]
    if wrong:
        what = f"The flip pair {wrong[0][0]} - {wrong[0][1]} joins two keypoints of one side ({len(wrong)} such pairs)."
        found.append(Finding("flip-pairs", "harmful", what, f"correct it: {edit}", material.source))
    paired = {name for pair in stated for name in pair}
    missing = [pair for pair in told if not set(pair) & paired]
    if missing and stated:
        what = f"{missing[0][0]} and {missing[0][1]} are not a flip pair ({len(missing)} such pairs), but others are."
        found.append(Finding("flip-pairs", "suspect", what, f"add it: {edit}", material.source))
    return found
