"""Count and plot a data set: images, instances, keypoints by visibility, sizes, by split and category."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import images_of
from kpplugins.data.splits import SPLITS
from kpplugins.formats.open_source import open_source
from kpplugins.formats.registry import Format
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text, replaced_file
from kpplugins.visualization.table import markdown_table

JSON_NAME, PLOT_NAME = "stats.json", "stats.png"
_QUANTILES = {"min": 0, "5 %": 5, "25 %": 25, "median": 50, "75 %": 75, "95 %": 95, "max": 100}
_VISIBILITY = ((2, "visible", "tab:green"), (1, "occluded", "tab:orange"), (0, "absent", "lightgrey"))
_HEATMAP_BINS = 48
"""Maximum number of cells per side; fewer if there are few keypoints."""


@contextmanager
def opened(
    source: Path, from_format: str | None = None, **options: Any
) -> Iterator[tuple[Format, AnnotationSet]]:
    """Open a source for inspection.

    Args:
        source: file or folder.
        from_format: the format's name; ``None`` detects it.
        **options: of ``open_source``.

    Yields:
        The format and the annotations. Images extracted from annotation files exist only within the ``with`` block.

    Raises:
        BadInputError: see ``open_source``.
    """
    with tempfile.TemporaryDirectory(prefix="kpplugins-") as extracted:
        yield open_source(source, from_format=from_format, extract_to=Path(extracted), **options)


def stats(
    source: Path, *, out: Path | None = None, from_format: str | None = None, **options: Any
) -> tuple[dict[str, Any], str]:
    """Count and measure a source.

    Args:
        source: a converted folder, or a file or folder of any known format.
        out: folder for ``stats.json`` and ``stats.png``; ``None`` writes nothing.
        from_format: the format's name; ``None`` detects it.
        **options: of ``open_source``, e.g. ``skip_bad``, ``names``.

    Returns:
        The numbers, and the same as text. Boxes are measured by their longer side in pixels and by their share of the
        image's area; crowds are counted, and left out of everything else. A keypoint outside its image is absent.

    Raises:
        BadInputError: see ``open_source``; or the source has no images.
    """
    with opened(source, from_format, **options) as (known, reading):
        numbers = measure(reading)
    numbers = {"source": str(source), "format": known.name, **numbers}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        replace_text(out / JSON_NAME, json.dumps(numbers, indent=1, ensure_ascii=False) + "\n")
        _plot(reading, numbers, out / PLOT_NAME)
    return numbers, _text(numbers)


def measure(reading: AnnotationSet) -> dict[str, Any]:
    """Compute the numbers of ``stats`` from a reading.

    Args:
        reading: the annotations.

    Returns:
        Counts and quantiles by name; box sides and image sizes in pixels.

    Raises:
        BadInputError: the reading has no images.
    """
    images = images_of(reading)
    if not images:
        raise BadInputError("the source has no images", where="stats")
    records = [r for r in reading.records if not r.crowd]
    visibility = _visibility(reading)
    boxes = np.array([r.bbox for r in records]).reshape(-1, 4)
    extent = boxes[:, 2:] - boxes[:, :2]
    canvas = np.array([[r.width * r.height] for r in records], float).reshape(-1)
    per_image = Counter(r.image for r in records)
    counts = [per_image[p.path] for p in images]
    return {
        "images": len(images), "instances": len(records), "crowds": len(reading.records) - len(records),
        "unlabelled instances": int((visibility.max(axis=1, initial=0) == 0).sum()),
        "images without instances": counts.count(0),
        "splits": _by_split(reading), "categories": dict(Counter(r.category for r in records)),
        "keypoints": {
            name: {word: int((visibility[:, k] == v).sum()) for v, word, _ in _VISIBILITY}
            for k, name in enumerate(reading.schema.keypoints)
        },
        "instances an image": {str(n): c for n, c in sorted(Counter(counts).items())},
        "labelled points an instance": {
            str(n): c for n, c in sorted(Counter((visibility > 0).sum(axis=1).tolist()).items())
        },
        "box side px": _quantiles(extent.max(axis=1, initial=0)),
        "box share of image": _quantiles(extent.prod(axis=1) / np.maximum(canvas, 1)),
        "image width px": _quantiles(np.array([p.width for p in images])),
        "image height px": _quantiles(np.array([p.height for p in images])),
    }  # fmt: skip


def splits_of(reading: AnnotationSet) -> dict[Path, str]:
    """Return the split of every image.

    Args:
        reading: the annotations.

    Returns:
        Split by image path; ``all`` where the source does not divide its images.
    """
    return {
        p.path: reading.splits.get(p.path, "train") if reading.splits else "all" for p in images_of(reading)
    }


def _by_split(reading: AnnotationSet) -> dict[str, dict[str, int]]:
    split = splits_of(reading)
    images = Counter(split.values())
    instances = Counter(split[r.image] for r in reading.records if not r.crowd)
    return {
        s: {"images": images[s], "instances": instances[s]} for s in (SPLITS if reading.splits else ("all",))
    }


def _visibility(reading: AnnotationSet) -> np.ndarray:
    """Return the (N, K) visibility of the instances that are not crowds."""
    rows = [r.keypoints[:, 2] for r in reading.records if not r.crowd]
    return np.array(rows).reshape(len(rows), reading.schema.num_keypoints)


def _quantiles(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return {}
    return {name: round(float(np.percentile(values, q)), 4) for name, q in _QUANTILES.items()}


def _text(numbers: Mapping[str, Any]) -> str:
    counts = ("images", "instances", "crowds", "unlabelled instances", "images without instances")
    lines = [f"{numbers['source']} ({numbers['format']})"]
    lines += [f"{key}: {numbers[key]}" for key in counts]
    lines += [f"{key}: {_pairs(numbers[key])}" for key in ("categories", "instances an image")]
    splits = [[s, row["images"], row["instances"]] for s, row in numbers["splits"].items()]
    sizes = ("box side px", "box share of image", "image width px", "image height px")
    rows = [[key, *(f"{v:.4g}" for v in numbers[key].values())] for key in sizes if numbers[key]]
    points = [[name, *row.values()] for name, row in numbers["keypoints"].items()]
    return "\n".join([
        *lines, "", markdown_table(["split", "images", "instances"], splits),
        markdown_table(["keypoint", *(word for _, word, _ in _VISIBILITY)], points),
        markdown_table(["size", *_QUANTILES], rows),
    ])  # fmt: skip


def _pairs(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in counts.items())


def _plot(reading: AnnotationSet, numbers: Mapping[str, Any], path: Path) -> None:
    """Draw one page with six plots."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    records = [r for r in reading.records if not r.crowd]
    names = list(numbers["keypoints"])
    figure = Figure(figsize=(15, max(9.0, 5.5 + 0.2 * len(names))), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(
        f"{Path(numbers['source']).name}: {numbers['images']} images, {numbers['instances']} instances"
    )
    axes = figure.subplots(2, 3).ravel()
    sides = [float((r.bbox[2:] - r.bbox[:2]).max()) for r in records]
    _histogram(axes[0], sides, "longer side of the box, px (log)", "instances")
    _plot_points(axes[1], numbers["keypoints"])
    _plot_heatmap(axes[2], reading)
    images = images_of(reading)
    sizes = Counter((p.width, p.height) for p in images)
    axes[3].scatter(
        [w for w, _ in sizes], [h for _, h in sizes], s=[20 + 6 * n**0.5 for n in sizes.values()], alpha=0.5
    )
    largest = max(max(size) for size in sizes)
    axes[3].set(title="image sizes", xlabel="width, px", ylabel="height, px",
                xlim=(0, 1.1 * largest), ylim=(0, 1.1 * largest))  # fmt: skip
    _plot_counts(axes[4], numbers["instances an image"], "instances per image", "images")
    _plot_counts(
        axes[5], numbers["labelled points an instance"], "labelled keypoints per instance", "instances"
    )
    with replaced_file(path) as aside:
        figure.savefig(aside, dpi=100)


def _histogram(axis: Any, values: Sequence[float], label: str, what: str) -> None:
    positive = [v for v in values if v > 0]
    if positive:
        low, high = min(positive), max(positive)
        bins = np.geomspace(low * 0.98, high * 1.02, min(31, 6 + int(2 * len(positive) ** 0.5)))
        axis.hist(positive, bins=bins, color="tab:blue")
        axis.set_xscale("log")
        ticks = np.unique(np.round(np.geomspace(low, high, 6)).astype(int))
        axis.set_xticks(ticks, [str(t) for t in ticks])
        axis.minorticks_off()
    axis.set(title="sizes of the instances", xlabel=label, ylabel=what)


def _plot_points(axis: Any, keypoints: Mapping[str, Mapping[str, int]]) -> None:
    places, left = np.arange(len(keypoints)), np.zeros(len(keypoints))
    for _, word, color in _VISIBILITY:
        values = np.array([row[word] for row in keypoints.values()])
        axis.barh(places, values, left=left, color=color, label=word)
        left += values
    axis.set_yticks(places, list(keypoints), fontsize=8 if len(keypoints) < 40 else 5)
    axis.invert_yaxis()
    axis.set(title="keypoints by visibility", xlabel="instances")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, fontsize=8)


def _plot_heatmap(axis: Any, reading: AnnotationSet) -> None:
    """Plot the positions of the labelled keypoints in their boxes."""
    places = [
        (r.keypoints[r.keypoints[:, 2] > 0, :2] - r.bbox[:2]) / np.maximum(r.bbox[2:] - r.bbox[:2], 1e-9)
        for r in reading.records
        if not r.crowd
    ]
    joined = np.concatenate(places) if places else np.zeros((0, 2))
    bins = int(np.clip(len(joined) ** 0.5, 12, _HEATMAP_BINS))
    edges = np.linspace(-0.1, 1.1, bins + 1)
    counts, _, _ = np.histogram2d(joined[:, 1], joined[:, 0], bins=[edges, edges])
    axis.imshow(counts, extent=(-0.1, 1.1, 1.1, -0.1), cmap="magma", aspect="equal")
    axis.plot([0, 1, 1, 0, 0], [0, 0, 1, 1, 0], color="white", linewidth=0.8)
    outside = int(((joined < -0.1) | (joined > 1.1)).any(axis=1).sum())
    axis.set(title="positions in the box (white)" + (f"; {outside} keypoints farther away" if outside else ""),
             xlabel="x / width", ylabel="y / height")  # fmt: skip


def _plot_counts(axis: Any, counts: Mapping[str, int], title: str, what: str) -> None:
    from matplotlib.ticker import MaxNLocator

    places = [int(n) for n in counts]
    axis.bar(places, list(counts.values()), color="tab:blue")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(title=title, ylabel=what, xlim=(min(places, default=0) - 1.5, max(places, default=0) + 1.5))
