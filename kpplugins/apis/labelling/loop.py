"""The labelling loop on one page: where a project stands, and what to do next."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from kpplugins.apis.labelling.standing import Standing, standing_of
from kpplugins.curation.check_page import PAGE_STYLE, as_address, thumbnail
from kpplugins.data import PoseRecord
from kpplugins.data.annotation_set import SCHEMA_FILE
from kpplugins.data.images import SHOWN, read_image
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_bytes

PAGE = "loop.html"
_MOST_SUSPECTS, _WIDEST = 3, 1000
_PICTURES = (
    ("best_and_worst.jpg", "the best, median and worst images of the test"), ("errors.png", "errors by keypoint"),
    ("curves.png", "the training"),
)  # fmt: skip
_TEMPLATE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ title }}</title><style>{{ style|safe }} figure { margin: .8rem 0; } figure img { max-width: 100%; }
.two { display: flex; gap: .4rem; } ol li { margin: .3rem 0; }</style></head><body>
<h1>{{ title }}</h1><p class="dim"><code>{{ standing.source }}</code></p>
<h2>What to do next</h2><ol>
{% for what, command in standing.todo %}<li>{{ what }}{% if command %}<br><code>{{ command }}</code>{% endif %}</li>
{% else %}<li>nothing that the files know of</li>{% endfor %}</ol>
<h2>Labels</h2><table><tr><th>split</th><th>images</th><th>instances</th><th>keypoints</th></tr>
{% for split in standing.splits %}<tr><td>{{ split.name }}</td><td class="number">{{ split.images }}</td>
<td class="number">{{ split.instances }}</td><td class="number">{{ split.labelled }}</td></tr>{% endfor %}</table>
<p>Labelled least often: {{ standing.fewest[0] }}, {{ standing.fewest[1] }} times.</p>
{% for line in standing.lines %}<p>{{ line }}</p>{% endfor %}
<h2>The last run</h2>
{% if standing.run %}<p><code>{{ standing.run }}</code>{% if standing.outdated %}
<span class="badge suspect">the labels are newer</span>{% endif %}</p>
{% if standing.tested %}<table><tr><th>number</th><th>value</th><th>95 % interval</th></tr>
{% for one in standing.tested %}<tr><td>{{ one.name }}</td><td class="number">{{ "%.4g"|format(one.value) }}</td>
<td>{% if one.low is not none %}{{ "%.4g"|format(one.low) }} to {{ "%.4g"|format(one.high) }}{% else %}not computed
{% endif %}</td></tr>{% endfor %}</table>{% else %}<p>It was not tested.</p>{% endif %}
{% else %}<p>There is none with these keypoints in <code>work_dirs</code>.</p>{% endif %}
{% for address, words in pictures %}<figure><img src="{{ address }}" alt="{{ words }}">
<figcaption class="dim">{{ words }}</figcaption></figure>{% endfor %}
{% if suspects %}<h2>Labels that the audit suspects</h2><p class="dim">Left the label, right the proposal; all are on
the page that audit wrote.</p><div class="cards">{% for one in suspects %}<div class="card pair"><div class="two">
<img src="{{ one.tiles[0] }}" alt="label"><img src="{{ one.tiles[1] }}" alt="proposal"></div>
<p><b>{{ one.kind }}</b> {{ one.what }}</p></div>{% endfor %}</div>{% endif %}
</body></html>
"""


def loop(
    source: Path,
    pool: Sequence[str | Path] = (),
    *,
    out: Path,
    run: Path | None = None,
    chosen: Path = Path("next"),
) -> Standing:
    """Write ``loop.html``: labels, the last test, what check, audit and learning curve found, and what to do next.

    It reads what other commands wrote, and trains and predicts nothing.

    Args:
        source: the labels, in any known format.
        pool: images, folders and videos that are to be labelled.
        out: folder of the page.
        run: see ``standing_of``.
        chosen: see ``standing_of``.

    Returns:
        What the page says.

    Raises:
        BadInputError: see ``standing_of``; or the page cannot be written.
    """
    from jinja2 import Environment

    standing = standing_of(source, pool, run, chosen)
    page = Environment(autoescape=True).from_string(_TEMPLATE).render(
        title=f"Labelling {source.resolve().name}", style=PAGE_STYLE, standing=standing,
        pictures=_pictures(standing), suspects=_suspects(standing),
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    replace_bytes(out / PAGE, page.encode("utf-8", "replace"))
    return standing


def _pictures(standing: Standing) -> list[tuple[str, str]]:
    """Return the images that other commands drew, as addresses that hold them, with what they show."""
    files = [(standing.run / name, words) for name, words in _PICTURES] if standing.run is not None else []
    if standing.curve is not None:
        files.append((standing.curve[1].with_suffix(".png"), "the error with more labels"))
    if standing.chosen is not None:
        files.append((standing.chosen[1].with_suffix(".jpg"), "chosen to be labelled next"))
    found = []
    for path, words in files:
        if path.is_file():
            try:
                found.append((as_address(_narrow(read_image(path))), words))
            except BadInputError:  # half written
                continue
    return found


def _narrow(image: np.ndarray) -> np.ndarray:
    scale = min(1.0, _WIDEST / image.shape[1])
    size = (round(image.shape[1] * scale), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def _suspects(standing: Standing) -> list[dict]:
    """Return the first suspects of the audit, drawn as label and proposal; without those whose image has gone."""
    if standing.audit is None:
        return []
    schema_file = standing.source / SCHEMA_FILE
    schema = KeypointSchema.load(schema_file) if schema_file.is_file() else None
    shown = []
    for one in standing.audit.get("suspects", [])[:_MOST_SUSPECTS]:
        path = Path(one["image"])
        try:
            image = read_image(path, SHOWN)
        except BadInputError:
            continue
        label, proposal = (_record(path, image, one[key]) for key in ("label", "proposal"))
        tiles = [
            as_address(thumbnail(image, a, schema, b)) for a, b in ((label, proposal), (proposal, label))
        ]
        shown.append({"tiles": tiles, "kind": one["kind"], "what": one["what"]})
    return shown


def _record(path: Path, image: np.ndarray, said: dict) -> PoseRecord:
    points, box = np.array(said["keypoints"], float), np.array(said["bbox"], float)
    return PoseRecord(path, image.shape[1], image.shape[0], points, box, 1.0, path)
