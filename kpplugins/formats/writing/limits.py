"""What annotation tools cannot hold: counted where it is a detail, a fault where nothing sensible would be left."""

from collections import Counter

from kpplugins.data.record_builder import AREA_OF_BOX
from kpplugins.formats.writing.content import Content
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import box_area
from kpplugins.structures.line_breaks import breaks_line

CROWD = "crowd mark (the box stays, as an ordinary instance)"
AREA = "area other than 0.53 of its box's"
LIST = "category's own list of keypoints (it gets those of all, absent)"
SCORE = "score of a prediction"
RENAMED = "image's name (another image's differs in the ending only)"


def check_words(content: Content) -> None:
    """Raise BadInputError for a name of a keypoint or a category that annotation tools do not keep.

    Args:
        content: what is to be written.
    """
    for kind, words in (("keypoint", content.reading.schema.keypoints), ("category", content.categories)):
        for word in words:
            if not word or word != word.strip() or breaks_line(word):
                raise BadInputError(
                    f"{kind} has a name that annotation tools do not keep", found=ascii(word),
                    expected="a text of one line without blanks at its ends", todo="rename it",
                )  # fmt: skip


def lost_details(content: Content) -> Counter[str]:
    """Count the crowds, areas and lists of keypoints that are lost in a tool that knows only boxes.

    Args:
        content: what is to be written.

    Returns:
        How often each detail is lost, by its name in words.
    """
    lost: Counter[str] = Counter()
    everything = content.reading.schema.keypoints
    shorter = {name for name, own in content.reading.category_keypoints.items() if own != everything}
    for record in content.reading.records:
        lost[CROWD] += record.crowd
        lost[LIST] += record.category in shorter
        lost[AREA] += abs(record.area - AREA_OF_BOX * box_area(record.bbox)) > 1e-3 + 1e-6 * record.area
    return lost


def lost_scores(content: Content) -> Counter[str]:
    """Count the predictions that lose their score.

    Args:
        content: what is to be written.

    Returns:
        Their number, by its name in words; empty for labels.
    """
    return Counter({SCORE: len(content.scores or ())})
