"""Write the suspects of an audit as one self-contained HTML page that saves the corrections one agrees with."""

from pathlib import Path
from typing import Any

from kpplugins.curation.check_page import PAGE_STYLE, as_address, thumbnail
from kpplugins.curation.suspects.audit_report import AuditReport
from kpplugins.curation.suspects.find import KINDS
from kpplugins.curation.suspects.suspect import Suspect
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.images import SHOWN, read_image
from kpplugins.formats.coco.writer import UNDIVIDED, coco_contents
from kpplugins.formats.writing.content import Content
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import spelled
from kpplugins.structures.geometry import box_area, xyxy_to_xywh
from kpplugins.structures.replaced_file import replace_bytes

MOST_SHOWN = 200
"""Suspects on the page."""
_TEMPLATE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ title }}</title><style>{{ style|safe }}
.two { display: flex; gap: .4rem; } .two figure { margin: 0; flex: 1; } figcaption { font-size: .85rem; }
.card.chosen { outline: 3px solid #2a8a3e; } .bar { position: sticky; top: 0; background: Canvas; padding: .6rem 0;
border-bottom: 1px solid var(--edge); z-index: 1; } button { font: inherit; margin-right: .5rem; }
</style></head><body>
<h1>{{ title }}</h1>
<p class="dim"><code>{{ source }}</code></p>
<p>{{ report.evidence.records|length }} labelled instances against {{ report.models }}. Half of the keypoints are
within {{ "%.1f"|format(report.median_error[0]) }} px of their labels
({{ "%.1f"|format(100 * report.median_error[1]) }} % of the instance's size).</p>
{% for note in report.notes %}<p class="dim">{{ note }}</p>{% endfor %}
{% if report.suspects %}
<table><tr><th>kind</th><th></th><th>suspects</th></tr>
{% for kind, n in report.by_kind.items() %}<tr><td>{{ kind }}</td><td>{{ kinds[kind] }}</td>
<td class="number">{{ n }}</td></tr>{% endfor %}</table>
<div class="bar"><button id="save-all">Save all labels, corrected</button>
<button id="save-some">Save only the corrected images</button>
<span id="count">0</span> of {{ cards|length }} corrections chosen.
<span class="dim">COCO JSON, for <code>kpplugins dataset convert FILE --images DIR --out DIR</code> and
<code>export</code>.</span></div>
<p class="dim">Largest expected gain first: the probability that the label is wrong, times the share of its score that
it costs. Left the label, right the proposal. Choose those that are better than the label.</p>
<div class="cards">
{% for card in cards %}<div class="card pair" data-number="{{ loop.index0 }}">
{% if card.tiles %}<div class="two">
<figure><img src="{{ card.tiles[0] }}" alt="label"><figcaption>label</figcaption></figure>
<figure><img src="{{ card.tiles[1] }}" alt="proposal"><figcaption>proposal</figcaption></figure></div>
{% else %}<p class="dim">(no image to show)</p>{% endif %}
<p><span class="badge suspect">{{ card.suspect.kind }}</span> <b>{{ "%.2f"|format(card.suspect.gain) }}</b>
{{ card.suspect.what }}</p>
<p class="dim"><code>{{ card.place }}</code></p>
<label><input type="checkbox"> take the proposal</label></div>
{% endfor %}</div>
{% if more > 0 %}<p class="dim">… and {{ more }} more; all are in <code>audit.json</code>.</p>{% endif %}
<script type="application/json" id="data">{{ data|tojson }}</script>
<script>
const data = JSON.parse(document.getElementById("data").textContent);
const chosen = () => [...document.querySelectorAll(".card")].filter(c => c.querySelector("input").checked);
document.addEventListener("change", () => {
  for (const c of document.querySelectorAll(".card")) c.classList.toggle("chosen", c.querySelector("input").checked);
  document.getElementById("count").textContent = chosen().length;
});
function corrected(onlyThese) {
  const coco = structuredClone(data.coco);
  const byId = new Map(coco.annotations.map(a => [a.id, a]));
  const images = new Set();
  for (const card of chosen()) {
    const change = data.changes[Number(card.dataset.number)];
    const annotation = byId.get(change.id);
    for (const [k, ...point] of change.keypoints) annotation.keypoints.splice(3 * k, 3, ...point);
    if (change.bbox) { annotation.bbox = change.bbox; annotation.area = change.area; }
    annotation.num_keypoints = annotation.keypoints.filter((v, i) => i % 3 === 2 && v > 0).length;
    images.add(annotation.image_id);
  }
  if (onlyThese) {
    coco.images = coco.images.filter(i => images.has(i.id));
    coco.annotations = coco.annotations.filter(a => images.has(a.image_id));
  }
  return coco;
}
function save(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(content)], {type: "application/json"}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
document.getElementById("save-all").onclick = () => save("corrected.json", corrected(false));
document.getElementById("save-some").onclick = () => save("corrections.json", corrected(true));
</script>
{% else %}<p><b>No suspects were found.</b></p>{% endif %}
</body></html>
"""


def write_audit_page(report: AuditReport, reading: AnnotationSet, path: Path) -> None:
    """Write the page.

    Args:
        report: what was found.
        reading: all labels of the source; their images must still be there.
        path: the file to write.
    """
    from jinja2 import Environment

    shown = report.suspects[:MOST_SHOWN]
    content = Content(AnnotationSet(
        reading.schema, reading.records, backgrounds=reading.backgrounds,
        category_keypoints=reading.category_keypoints,
    ))  # fmt: skip
    numbers = _numbers(content)
    page = Environment(autoescape=True).from_string(_TEMPLATE).render(
        title=f"Audit of {report.source.name or report.source}", source=spelled(report.source),
        style=PAGE_STYLE, report=report, kinds=KINDS,
        cards=[{"suspect": s, "tiles": _tiles(s, report), "place": _place(s, report)} for s in shown],
        more=len(report.suspects) - len(shown),
        data={
            "coco": coco_contents(content).get(UNDIVIDED),
            "changes": [_change(s, numbers[id(s.label)], content) for s in shown],
        },
    )  # fmt: skip
    replace_bytes(path, page.encode("utf-8", "replace"))


def _numbers(content: Content) -> dict[int, int]:
    """Return the annotation id of each record in ``coco_contents``, by the record's identity."""
    records = [record for image in content.images for record in content.records_of(image)]
    return {id(record): number for number, record in enumerate(records, 1)}


def _change(suspect: Suspect, number: int, content: Content) -> dict[str, Any]:
    """Return what a correction changes in a COCO annotation."""
    schema, label, proposal = content.reading.schema, suspect.label, suspect.proposal
    own = content.reading.category_keypoints.get(label.category, schema.keypoints)
    rows = [
        [place, *proposal.keypoints[k, :2].round(3).tolist(), int(proposal.keypoints[k, 2])]
        for place, k in enumerate(schema.indices_of(own))
        if (proposal.keypoints[k] != label.keypoints[k]).any()
    ]
    change: dict[str, Any] = {"id": number, "keypoints": rows}
    if (proposal.bbox != label.bbox).any():
        grown = box_area(proposal.bbox) / max(box_area(label.bbox), 1e-9)
        change |= {
            "bbox": xyxy_to_xywh(proposal.bbox).round(3).tolist(),
            "area": round(label.area * grown, 3),
        }
    return change


def _tiles(suspect: Suspect, report: AuditReport) -> tuple[str, str] | None:
    """Return label and proposal, drawn into the same part of their image; ``None`` if it cannot be decoded."""
    try:
        image = read_image(suspect.label.image, SHOWN)
    except (BadInputError, OSError):
        return None
    schema = report.evidence.schema
    one = thumbnail(image, suspect.label, schema, suspect.proposal)
    return as_address(one), as_address(thumbnail(image, suspect.proposal, schema, suspect.label))


def _place(suspect: Suspect, report: AuditReport) -> str:
    image = suspect.label.image
    inside = (
        image.relative_to(report.source).as_posix() if image.is_relative_to(report.source) else spelled(image)
    )
    return f"{inside} · {suspect.label.category}"
