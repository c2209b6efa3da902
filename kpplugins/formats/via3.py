"""Projects of VIA 3, in the form of VIA 2, which ``via`` reads.

A project (gitlab.com/vgg/via, via-3.x.y/CodeDoc.md) has ``file`` (``fname``, ``type``: 2 an image, ``loc``, ``src``),
``view`` (``fid_list``), ``attribute`` (``aname``, ``type``, ``options``) and ``metadata`` (``vid``, ``z``, ``xy``,
``av``). ``xy`` begins with the number of a shape; ``av`` holds a text for each attribute by its id, or the ids of the
chosen options. Views of videos and of several files, and times (``z``), are not read.
"""

from typing import Any

from kpplugins.data.parsing.values import as_dict, as_list, as_name, as_numbers
from kpplugins.structures import BadInputError

_POINT, _RECTANGLE, _POLYGONS = 1, 2, (7, 8)
"""The points of an extreme rectangle (8), on its four sides, have the same box around them as a polygon's corners."""
_SHAPES = {
    3: "circle", 4: "ellipse", 5: "line", 6: "polyline", 9: "extreme_circle",
}  # fmt: skip
"""Shapes that are neither keypoints nor boxes."""
_IMAGE, _URIFILE = 2, 3
_TEXT, _CHECKBOX = 1, 2


def is_via3_project(raw: Any) -> bool:
    """Tell whether a document is a project of VIA 3.

    Args:
        raw: the document.

    Returns:
        True where it is.
    """
    return isinstance(raw, dict) and {"project", "attribute", "file", "view", "metadata"} <= raw.keys()


def as_via2(raw: dict[str, Any], source: str) -> list[tuple[str, dict[str, Any] | BadInputError]]:
    """Bring a project into the form of VIA 2.

    Args:
        raw: the document.
        source: the file, for messages.

    Returns:
        For each view its place, for messages, and the image's ``filename`` and ``regions`` as VIA 2 writes them, or
        what is wrong with them.

    Raises:
        BadInputError: one of the project's parts is not an object.
    """
    project, attributes, files, views, metadata = (
        as_dict(raw[key], f"{key!r}", source) for key in ("project", "attribute", "file", "view", "metadata")
    )
    order = project.get("vid_list")
    keys = [str(key) for key in order] if isinstance(order, list) else []
    keys += [key for key in views if key not in keys]
    regions: dict[str, list[tuple[str, Any]]] = {key: [] for key in keys}
    lost: list[tuple[str, dict[str, Any] | BadInputError]] = []
    for key, value in metadata.items():
        where = f"{source}: metadata {key[:40]!a}"
        view = str(value.get("vid")) if isinstance(value, dict) else ""
        if view in regions:
            regions[view].append((where, value))
        else:
            lost.append(
                (where, BadInputError("metadata of an unknown view", where=where, found=f"vid {view[:40]!a}"))
            )
    found: list[tuple[str, dict[str, Any] | BadInputError]] = []
    for key in keys:
        where = f"{source}: view {key[:40]!a}"
        try:
            name = _file_name(as_dict(views.get(key), "view", where), files, where)
            shapes = [_region(value, attributes, place) for place, value in regions[key]]
            found.append(
                (where, {"filename": name, "regions": [shape for shape in shapes if shape is not None]})
            )
        except BadInputError as fault:
            found.append((where, fault))
    return found + lost


def _file_name(view: dict[str, Any], files: dict[str, Any], where: str) -> str:
    keys = as_list(view.get("fid_list"), "fid_list", where)
    if len(keys) != 1:
        raise BadInputError("view of several files", where=where, expected="one image", found=str(len(keys)))
    file = as_dict(files.get(str(keys[0])), "file", f"{where}: file {str(keys[0])[:40]!a}")
    if file.get("type") != _IMAGE:
        raise BadInputError(
            "view of a video or a sound", where=where, expected="an image", found=ascii(file.get("fname"))[:60],
            todo="extract the frames, and annotate these",
        )  # fmt: skip
    stated = file.get("src")
    if (
        file.get("loc") == _URIFILE
        and isinstance(stated, str)
        and stated
        and not stated.startswith(("/", "file:"))
    ):
        return as_name(stated, "src", where)
    return as_name(file.get("fname"), "fname", where)


def _region(value: Any, attributes: dict[str, Any], where: str) -> dict[str, Any] | None:
    """Return a region as VIA 2 writes it; ``None`` for what is said of the whole image."""
    raw = as_dict(value, "metadata", where)
    if raw.get("z"):
        raise BadInputError(
            "time in a video", where=where, expected="z empty, as in images", found=ascii(raw["z"])[:40]
        )
    xy = as_numbers(raw.get("xy"), "xy", where).tolist()
    if not xy:
        return None
    shape = _shape(int(xy[0]), xy[1:], where)
    said = as_dict(raw.get("av", {}), "av", where)
    return {
        "shape_attributes": shape,
        "region_attributes": dict(_said(key, chosen, attributes, where) for key, chosen in said.items()),
    }


def _shape(kind: int, values: list[float], where: str) -> dict[str, Any]:
    keys = {_POINT: ("cx", "cy"), _RECTANGLE: ("x", "y", "width", "height")}.get(kind)
    if keys is not None and len(values) == len(keys):
        return {"name": "point" if kind == _POINT else "rect", **dict(zip(keys, values, strict=True))}
    if kind in _POLYGONS and len(values) % 2 == 0:
        return {"name": "polygon", "all_points_x": values[::2], "all_points_y": values[1::2]}
    if kind in _SHAPES:
        return {"name": _SHAPES[kind]}
    raise BadInputError(
        "xy is wrong", where=where, found=ascii([kind, *values])[:60],
        expected="[1, x, y] (a point), [2, x, y, width, height] or [7, x, y, x, y, x, y, …]",
    )  # fmt: skip


def _said(key: str, chosen: Any, attributes: dict[str, Any], where: str) -> tuple[str, Any]:
    """Return an attribute's name, and its text or, for check boxes, which options are ticked."""
    attribute = as_dict(attributes.get(key), f"attribute {key[:40]!a}", where)
    name, kind, options = (
        as_name(attribute.get("aname"), "aname", where),
        attribute.get("type"),
        attribute.get("options"),
    )
    if kind == _TEXT or not isinstance(options, dict) or not options:
        return name, chosen
    texts = {str(option): text for option, text in options.items()}
    picked = [one for one in str(chosen).split(",") if one]
    unknown = next((one for one in picked if one not in texts), None)
    if unknown is not None:
        raise BadInputError(
            f"unknown option of attribute {name!r}", where=where, found=ascii(unknown)[:40],
            expected=", ".join(f"{option} ({text})" for option, text in texts.items())[:200],
        )  # fmt: skip
    if kind == _CHECKBOX:
        return name, {str(text): option in picked for option, text in texts.items()}
    return name, texts[picked[0]] if picked else ""
