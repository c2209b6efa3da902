"""Write the findings of ``check`` as one self-contained HTML page, without JavaScript."""

import base64
from html import escape
from pathlib import Path

import cv2
import numpy as np

from kpplugins.curation.check_report import CheckReport
from kpplugins.curation.checks.finding import Finding
from kpplugins.data import PoseRecord
from kpplugins.data.images import SHOWN, read_image
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import spelled
from kpplugins.structures.replaced_file import replace_bytes
from kpplugins.visualization.draw import draw_points

MOST_SHOWN = 12
"""Maximum number of findings of one kind that are shown; all are in ``check.json``."""
_TILE = 260
_QUALITY = 80
_CONTEXT = 0.6
"""Margin shown around the box, as a fraction of it."""
_LEAST_PART = 0.35
"""Least size of the shown part of an image, as a fraction of the image's longer side."""
_BOX_COLOR = (0, 165, 255)

_WORDS = {
    "harmful": "Training or scoring on this set would be harmed.",
    "suspect": "Somebody should look at these.",
    "note": "Good to know.",
}
PAGE_STYLE = """
:root { color-scheme: light dark; --edge: #8884; --dim: #777; --harmful: #c0262d; --suspect: #b36b00; --note: #2f6db5; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1160px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { margin: 2.2rem 0 .3rem; } h3 { margin: 1.4rem 0 .4rem; font-size: 1.05rem; }
p { margin: .3rem 0; } code { font-size: .92em; overflow-wrap: anywhere; } .dim { color: var(--dim); }
table { border-collapse: collapse; margin: .6rem 0; } th, td { text-align: left; padding: .2rem .9rem .2rem 0;
border-bottom: 1px solid var(--edge); vertical-align: top; } td.number { text-align: right; }
.badge { color: #fff; border-radius: .3rem; padding: .05rem .5rem; font-size: .85rem; }
.harmful { background: var(--harmful); } .suspect { background: var(--suspect); } .note { background: var(--note); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(265px, 1fr)); gap: 1rem; }
.card { border: 1px solid var(--edge); border-radius: .5rem; padding: .6rem; overflow-wrap: anywhere; }
.card img { max-width: 100%; display: block; border-radius: .3rem; margin-bottom: .4rem; } .todo { font-size: .93em; }
.pair { grid-column: span 2; } @media (max-width: 620px) { .pair { grid-column: span 1; } }
.dot { display: inline-block; width: .8em; height: .8em; border-radius: 50%; border: 1px solid #0008; }
"""


def write_page(report: CheckReport, records: list[PoseRecord], path: Path) -> None:
    """Write the page.

    Args:
        report: what was found.
        records: the records that ``Finding.instance`` is an index into; their images must still be there.
        path: the file to write.
    """
    title = f"Check of {report.source.name or report.source}"
    parts = [f"<h1>{escape(title)}</h1>", _overview(report)]
    for severity, words in _WORDS.items():
        chosen = [f for f in report.findings if f.severity == severity]
        if chosen:
            parts.append(
                f'<h2 id="{severity}">{_badge(severity)} {len(chosen)}</h2><p class="dim">{words}</p>'
            )
        for kind in dict.fromkeys(f.check for f in chosen):
            parts.append(_section([f for f in chosen if f.check == kind], records, report))
    if report.schema is not None:
        parts.append(_schema(report.schema))
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    head += f"<style>{PAGE_STYLE}</style>"
    page = f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'
    replace_bytes(path, page.encode("utf-8", "replace"))


def _overview(report: CheckReport) -> str:
    splits = ", ".join(f"{n} {escape(split)}" for split, n in report.splits)
    lines = [
        f'<p class="dim"><code>{escape(spelled(report.source))}</code></p>',
        f"<p>{escape(report.format)} · {report.images} images · {report.instances} instances"
        + (f" · {splits}" if splits else "") + "</p>",
    ]  # fmt: skip
    if not report.findings:
        return "".join([*lines, "<p><b>Nothing was found.</b></p>"])
    rows = "".join(
        f'<tr><td>{_badge(severity)}</td><td><a href="#{severity}-{escape(kind)}">{escape(kind)}</a></td>'
        f'<td class="number">{count}</td></tr>'
        for (severity, kind), count in report.by_check.items()
    )
    lines.append(f"<table><tr><th>severity</th><th>kind</th><th>findings</th></tr>{rows}</table>")
    return "".join(lines)


def _section(findings: list[Finding], records: list[PoseRecord], report: CheckReport) -> str:
    first = findings[0]
    cards = "".join(_card(f, records, report) for f in findings[:MOST_SHOWN])
    more = len(findings) - MOST_SHOWN
    rest = f'<p class="dim">… and {more} more; all are in <code>check.json</code>.</p>' if more > 0 else ""
    anchor = f"{first.severity}-{escape(first.check)}"
    title = f'<h3 id="{anchor}">{escape(first.check)} · {len(findings)}</h3>'
    return f'{title}<div class="cards">{cards}</div>{rest}'


def _card(finding: Finding, records: list[PoseRecord], report: CheckReport) -> str:
    record = None if finding.instance is None else records[finding.instance]
    shown = [_image(p, record if p == finding.image else None, report.schema)
             for p in (finding.image, finding.beside) if p is not None]  # fmt: skip
    place = _short(finding.file, report.source)
    if finding.image is not None and finding.image != finding.file:
        place = f"{_short(finding.image, report.source)} · {place}"
    if finding.annotation:
        place += f" · {finding.annotation}"
    kind = "card pair" if finding.beside is not None else "card"
    images = "".join(shown)
    if len(shown) > 1:
        images = f'<div style="display:flex;gap:.4rem">{images}</div>'
    return (
        f'<div class="{kind}">{images}<p>{escape(finding.what)}</p><p class="todo"><b>To do:</b>'
        f' {escape(finding.todo)}</p><p class="dim"><code>{escape(place)}</code></p></div>'
    )


def _schema(schema: KeypointSchema) -> str:
    partner = dict(schema.flip_pairs) | {b: a for a, b in schema.flip_pairs}
    rows = "".join(
        f'<tr><td class="number">{k + 1}</td><td><span class="dot" style="background:rgb({r},{g},{b})"></span>'
        f" {escape(name)}</td><td>{escape(partner.get(name, ''))}</td><td>{sigma:g}</td></tr>"
        for k, (name, (r, g, b), sigma) in enumerate(
            zip(schema.keypoints, schema.colors, schema.sigmas, strict=True)
        )
    )
    lines = ", ".join(f"{escape(a)} – {escape(b)}" for a, b in schema.skeleton) or "none"
    return (
        f"<h2>Keypoints</h2><p>{escape(schema.name)}: {schema.num_keypoints} keypoints; sigmas:"
        f" {escape(schema.sigmas_source)}.</p>"
        "<table><tr><th></th><th>keypoint</th><th>flips with</th><th>sigma</th></tr>"
        f'{rows}</table><p class="dim">Skeleton: {lines}.</p>'
    )


def _image(path: Path, record: PoseRecord | None, schema: KeypointSchema | None) -> str:
    """Return an ``img`` element with the image, cropped to the instance; a line of text if it cannot be decoded."""
    try:
        image = read_image(path, SHOWN)
    except (BadInputError, OSError):
        return '<p class="dim">(no image to show)</p>'
    return f'<img src="{as_address(thumbnail(image, record, schema))}" alt="{escape(path.name)}">'


def as_address(tile: np.ndarray) -> str:
    """Return an image as an address that holds it, for a page that needs no other file.

    Args:
        tile: (h, w, 3) BGR.

    Returns:
        ``data:image/jpeg;base64,…``.
    """
    data = base64.b64encode(cv2.imencode(".jpg", tile, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes())
    return f"data:image/jpeg;base64,{data.decode()}"


def thumbnail(
    image: np.ndarray,
    record: PoseRecord | None,
    schema: KeypointSchema | None,
    beside: PoseRecord | None = None,
) -> np.ndarray:
    """Draw a small image of an instance in its surroundings.

    Args:
        image: (H, W, 3) BGR.
        record: the instance to draw and to crop around; ``None`` shows the whole image.
        schema: its keypoints.
        beside: another label of the instance that the same part of the image must show, so that both can be compared.

    Returns:
        (h, w, 3) BGR, longer side 260 pixels.
    """
    height, width = image.shape[:2]
    low, high = np.zeros(2), np.array([width, height], float)
    if record is not None:
        low, high = _part([r for r in (record, beside) if r is not None], high)
    scale = _TILE / float((high - low).max())
    size = np.maximum(np.round((high - low) * scale), 1).astype(int)
    matrix = np.array([[scale, 0, -low[0] * scale], [0, scale, -low[1] * scale]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    cut = image[int(low[1]) : int(np.ceil(high[1])), int(low[0]) : int(np.ceil(high[0]))]
    tile = cv2.resize(cut, tuple(size.tolist()), interpolation=flags)
    if record is not None and schema is not None:
        corners = np.clip((record.bbox.reshape(2, 2) @ matrix[:, :2].T) + matrix[:, 2], -9999, 9999)
        (x1, y1), (x2, y2) = np.round(corners).astype(int).tolist()
        cv2.rectangle(tile, (x1, y1), (x2, y2), _BOX_COLOR, 1, cv2.LINE_AA)
        points = (record.keypoints[:, :2] - low) * scale
        shown = record.keypoints[:, 2] > 0
        draw_points(tile, points, schema, shown, 1, None, shown)
    return tile


def _part(records: list[PoseRecord], size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners (x, y) of the part of an image of ``size`` (width, height) that shows boxes and keypoints."""
    points = [r.keypoints[r.keypoints[:, 2] > 0, :2] for r in records]
    both = np.concatenate([*(r.bbox.reshape(2, 2) for r in records), *points])
    low, high = np.clip(both.min(axis=0), 0, size), np.clip(both.max(axis=0), 0, size)
    half = np.maximum((high - low) * (0.5 + _CONTEXT / 2), _LEAST_PART * size.max() / 2)
    centre = (low + high) / 2
    low, high = np.floor(np.maximum(centre - half, 0)), np.ceil(np.minimum(centre + half, size))
    return low, np.maximum(high, low + 1)


def _badge(severity: str) -> str:
    return f'<span class="badge {severity}">{severity}</span>'


def _short(path: Path, source: Path) -> str:
    """Return a path relative to the source, or only its name if it is elsewhere."""
    below = path != source and path.is_relative_to(source)
    return path.relative_to(source).as_posix() if below else path.name
