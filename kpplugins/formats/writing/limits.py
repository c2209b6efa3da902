"""What annotation tools cannot hold: counted where it is a detail, a fault where nothing sensible would be left."""

from collections import Counter
from dataclasses import replace

import numpy as np

from kpplugins.data import PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.strict import breaks_line
from kpplugins.formats.writing.content import Content
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import box_area, clip_box

CROWD = "crowd mark (the box stays, as an ordinary instance)"
AREA = "area other than its box's"
LIST = "category's own list of keypoints (it gets those of all, absent)"
BEYOND = "box beyond its image (cut to it when read back)"
SCORE = "score of a prediction"
RENAMED = "image's name (another image's differs in the ending only)"


def fit_to_tools(content: Content, skip_bad: bool) -> Content:
    """The content without images that have a box outside of them.

    All instances of such an image go, as in the readers: the others alone would say that there is nothing else.

    Raises:
        BadInputError: such a box, and ``skip_bad`` is false; a name of a point or a category that tools do not keep;
            or nothing is left.
    """
    _check_words(content)
    reading = content.reading
    faults = [_fault(record) for record in reading.records if _cut(record) is None]
    if not faults:
        return content
    AnnotationSet(reading.schema, faults=faults).settle(skip_bad)
    bad = {record.image for record in reading.records if _cut(record) is None}
    kept = [i for i, record in enumerate(reading.records) if record.image not in bad]
    if not kept and not reading.backgrounds:
        raise BadInputError("no image is left to write", found=str(faults[0]))
    fitted = replace(
        reading,
        records=[reading.records[i] for i in kept],
        faults=[*reading.faults, *faults],
        splits={path: split for path, split in reading.splits.items() if path not in bad},
    )
    scores = None if content.scores is None else tuple(content.scores[i] for i in kept)
    return replace(content, reading=fitted, scores=scores)


def lost_details(content: Content) -> Counter[str]:
    """How much of crowds, areas and boxes goes lost where a tool knows boxes only, and within images only."""
    lost: Counter[str] = Counter()
    everything = content.reading.schema.keypoints
    shorter = {name for name, own in content.reading.category_keypoints.items() if own != everything}
    for record in content.reading.records:
        cut = _cut(record)
        if cut is None:
            continue
        lost[CROWD] += record.crowd
        lost[LIST] += record.category in shorter
        lost[AREA] += abs(record.area - box_area(cut)) > 1e-3 + 1e-6 * record.area
        lost[BEYOND] += bool(np.abs(cut - record.bbox).max() > 1e-6)
    return lost


def lost_scores(content: Content) -> Counter[str]:
    """How many predictions lose their score."""
    return Counter({SCORE: len(content.scores or ())})


def _cut(record: PoseRecord) -> np.ndarray | None:
    """The record's box cut to its image; ``None`` where nothing is left of it."""
    cut = clip_box(record.bbox, record.width, record.height)
    return cut if box_area(cut) > 0 else None


def _fault(record: PoseRecord) -> BadInputError:
    return BadInputError(
        "box lies outside its image",
        where=f"{record.source}: {record.image.name}",
        expected=f"a box within {record.width}×{record.height}",
        found=", ".join(f"{side:.6g}" for side in record.bbox),
        todo="mend the box or delete it",
    )


def _check_words(content: Content) -> None:
    for kind, words in (("keypoint", content.reading.schema.keypoints), ("category", content.categories)):
        for word in words:
            if not word or word != word.strip() or breaks_line(word):
                raise BadInputError(
                    f"{kind} has a name that annotation tools do not keep", found=ascii(word),
                    expected="a text of one line without blanks at its ends", todo="rename it",
                )  # fmt: skip
