"""The page: what is on it, and what happens when something on it changes."""

import base64
import functools
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from kpplugins.apis.web.films import write_film
from kpplugins.apis.web.findings import Findings, Found
from kpplugins.apis.web.live import Live
from kpplugins.apis.web.pictures import as_jpeg, drawn_on, scaled_between
from kpplugins.apis.web.tables import COLUMNS, table_rows, write_csv, write_found
from kpplugins.apis.web.uploads import MOST_FILES, MOST_MEGABYTES, Upload, usable_uploads
from kpplugins.data.images import write_image
from kpplugins.structures import BadInputError
from kpplugins.structures.visibility.visibility_calibration import SCORE_THR

if TYPE_CHECKING:
    from kpplugins.inference.pose_result import PoseResult
    from kpplugins.inference.predictor import Predictor

logger = logging.getLogger(__name__)
NOBODY = "none"
"""The choice of no second model."""
_THUMBNAIL, _LIVE_SIDES = 160, (640, 960)
_MOST_ROWS = 2000
"""Rows of a table that are shown; the files have all."""
CSS = """
.gradio-container {max-width: 1240px !important; width: 100% !important; margin: auto;}
.drawn img {max-height: 70vh;}
#told {min-height: 1.6em;}
#told p {margin: 2px 0;}
#told .fault {color: #b00020; font-weight: 600;}
.dark #told .fault {color: #ff8a80;}
.live img {width: 100%; border-radius: 6px; display: block;}
.keypoints .cell-wrap, .keypoints .cell-wrap *, .keypoints th * {font-size: 12.5px !important;}
.found h3 {margin: 0;}
"""


def theme() -> Any:
    """Return the page's look, with the fonts of the visitor's own machine.

    Returns:
        A theme of gradio.
    """
    return gr.themes.Default(
        font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"], primary_hue="blue"
    )


def built_page(models: "Sequence[tuple[str, Predictor]]", score_thr: float | None, folder: Path) -> gr.Blocks:
    """Build the page.

    Args:
        models: predictors by name; the page begins with the first one.
        score_thr: with which the page begins, see ``draw_pose``.
        folder: for what visitors give.

    Returns:
        gradio's blocks, not yet served.
    """
    return _Page(dict(models), score_thr, folder).blocks


def _limit(threshold: float, said: bool) -> float | None:
    """Return the ``score_thr`` of ``draw_pose``."""
    return None if said else threshold


def _guarded(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Make one line on the page of every error of a handler that yields changes."""

    @functools.wraps(handler)
    def guarded(page: "_Page", *args: Any) -> Iterator[dict[Any, Any]]:
        try:
            yield from handler(page, *args)
        except Exception as error:
            yield {page.told: _words_of(error)}

    return guarded


def _words_of(error: Exception) -> str:
    if isinstance(error, BadInputError):
        return _lines([], [str(error)])
    logger.exception("a fault of the program")
    words = f"a fault of the program ({type(error).__name__}); its traceback is where the page was started"
    return _lines([], [words])


def _lines(notes: Sequence[str], faults: Sequence[str] = ()) -> str:
    lines = [f'<p class="fault" role="alert">error: {escape(fault)}</p>' for fault in faults]
    return "".join([*lines, *(f"<p>{escape(note)}</p>" for note in notes)])


def _table(name: str) -> gr.Dataframe:
    return gr.Dataframe(
        headers=list(COLUMNS), datatype=["str", "str", "number", "number", "number", "str"], interactive=False,
        show_label=False, max_height=420, visible=False, elem_id=name, buttons=[], elem_classes="keypoints",
        column_widths=["18%", "26%", "13%", "13%", "13%", "17%"],
    )  # fmt: skip


class _Side:
    """One model's part of the page."""

    def __init__(self, number: int) -> None:
        self.number = number
        with gr.Column(visible=number == 0, elem_id=f"side{number}") as self.column:
            self.head = gr.HTML(elem_classes="found")
            with gr.Row():
                with gr.Column(scale=4, min_width=340):
                    self.image = gr.Image(
                        format="jpeg", interactive=False, show_label=False, buttons=["download", "fullscreen"],
                        elem_id=f"drawn{number}", elem_classes="drawn", visible=False,
                    )  # fmt: skip
                    self.film = gr.Video(
                        interactive=False, show_label=False, visible=False, elem_id=f"film{number}", autoplay=True,
                        buttons=["download"],
                    )  # fmt: skip
                with gr.Column(scale=3, min_width=340):
                    self.table = _table(f"table{number}")
                    with gr.Row():
                        self.json = gr.DownloadButton(
                            "JSON", visible=False, size="sm", elem_id=f"json{number}"
                        )
                        self.csv = gr.DownloadButton("CSV", visible=False, size="sm", elem_id=f"csv{number}")
        self.parts = [self.column, self.head, self.image, self.film, self.table, self.json, self.csv]


class _LiveSide:
    """One model's part of the camera's page."""

    def __init__(self, number: int) -> None:
        with gr.Column(visible=number == 0, elem_id=f"liveside{number}") as self.column:
            self.head = gr.HTML(elem_classes="found")
            self.image = gr.HTML(elem_classes="live", elem_id=f"live{number}")
            self.table = _table(f"livetable{number}")
        self.parts = [self.column, self.head, self.image, self.table]


class _Page:
    """The components, and the handlers of their events."""

    def __init__(self, models: "dict[str, Predictor]", score_thr: float | None, folder: Path) -> None:
        self.models, self.folder = models, folder
        with gr.Blocks(
            title="kpplugins", analytics_enabled=False, delete_cache=(3600, 24 * 3600), fill_width=True
        ) as self.blocks:
            self._build(score_thr)
            self._connect()

    def _build(self, score_thr: float | None) -> None:
        names = list(self.models)
        several = len(names) > 1
        self.findings = gr.State(None, delete_callback=lambda old: old and old.close())
        self.live = gr.State(None)
        gr.HTML(
            "<h2>kpplugins</h2><p>Keypoints with a score below the threshold are rings. What you give stays on the "
            "machine that shows this page, and is deleted when it stops.</p>"
        )
        with gr.Row():
            self.model = gr.Dropdown(
                names, value=names[0], label="Model", elem_id="model", interactive=several
            )
            self.other = gr.Dropdown(
                [NOBODY, *names], value=NOBODY, label="Compare with", elem_id="other", visible=several
            )
            self.threshold = gr.Slider(
                0, 1, value=SCORE_THR if score_thr is None else score_thr, step=0.01, label="Score threshold",
                elem_id="threshold", buttons=[],
            )  # fmt: skip
        known = any(predictor.model.visibility is not None for predictor in self.models.values())
        self.said = gr.Checkbox(
            known and score_thr is None, visible=known, elem_id="said", container=False,
            label="As the model says: visible ones are filled, occluded ones rings, absent ones left out",
        )  # fmt: skip
        with gr.Tabs() as self.tabs:
            with gr.Tab("Images and videos", id="files"):
                self._build_files()
            with gr.Tab("Camera", id="camera"):
                self._build_camera()

    def _build_files(self) -> None:
        self.files = gr.File(
            file_count="multiple", height=150, elem_id="files",
            label=f"Images and videos (at most {MOST_FILES} files of {MOST_MEGABYTES} MB)",
        )  # fmt: skip
        self.told = gr.HTML(elem_id="told")
        self.thumbnails = gr.Gallery(
            columns=8, height=170, allow_preview=False, show_label=False, visible=False, object_fit="contain",
            elem_id="thumbnails", buttons=[], fit_columns=False,
        )  # fmt: skip
        self.which = gr.State(0)
        with gr.Row(equal_height=True):
            self.frame = gr.Slider(
                0, 1, value=0, step=1, label="Frame", visible=False, elem_id="frame", scale=5, buttons=[]
            )
            self.make_film = gr.Button("Video with keypoints", visible=False, elem_id="makefilm", scale=1)
        with gr.Row():
            self.sides = [_Side(0), _Side(1)]

    def _build_camera(self) -> None:
        with gr.Row():
            with gr.Column():
                self.camera = gr.Image(
                    sources=["webcam"], streaming=True, type="numpy", label="Camera", elem_id="camera",
                    webcam_options=gr.WebcamOptions(mirror=False), buttons=[],
                )  # fmt: skip
                self.keep = gr.Button("Keep this image", elem_id="keep")
                self.live_told = gr.HTML("<p>Allow the camera, then press Record.</p>", elem_id="livetold")
            self.live_sides = [_LiveSide(0), _LiveSide(1)]

    def _connect(self) -> None:
        chosen = [self.findings, self.which, self.frame, self.model, self.other, self.threshold, self.said]
        shown = [part for side in self.sides for part in side.parts]
        changed = [self.told, self.findings, self.which, self.frame, self.make_film, self.thumbnails, *shown]
        quiet: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "trigger_mode": "always_last",
        }
        heavy = {**quiet, "concurrency_id": "model", "concurrency_limit": 1}
        for event in (self.files.upload, self.files.delete, self.files.clear):
            event(self.on_files, [self.files, *chosen[3:]], changed, **heavy)
        for part in (self.model, self.other):
            part.input(self.on_models, chosen, changed, **heavy)
        self.said.input(self.on_threshold, chosen, changed, **quiet)
        self.threshold.change(self.on_slider, chosen, [self.said, *changed], **quiet)
        self.frame.input(self.on_frame, chosen, changed, **quiet)
        self.thumbnails.select(self.on_thumbnail, chosen, changed, **quiet)
        self.make_film.click(self.on_film, chosen, changed, **heavy)
        live = [part for side in self.live_sides for part in side.parts]
        self.camera.stream(
            self.on_camera, [self.camera, self.live, *chosen[3:]], [self.live, self.live_told, *live],
            stream_every=0.1, time_limit=3600, concurrency_limit=4, **{**quiet, "trigger_mode": None},
        )  # fmt: skip
        kept = self.keep.click(
            self.on_keep, [self.live, *chosen[3:]], [self.files, self.live_told, *changed], **heavy
        )  # of several changes that follow each other, gradio may leave out the tab's
        kept.then(self.on_kept, [self.live], [self.tabs], **quiet)

    # what happens

    @_guarded
    def on_files(
        self, files: list[str] | None, model: str, other: str, threshold: float, said: bool
    ) -> Iterator[dict[Any, Any]]:
        """Look at new files."""
        if not files:
            yield {**self._nothing(), self.told: ""}
            return
        uploads, faults = usable_uploads(files)
        yield from self._look(uploads, faults, model, other, _limit(threshold, said))

    @_guarded
    def on_models(
        self,
        findings: Findings | None,
        which: int,
        frame: int,
        model: str,
        other: str,
        threshold: float,
        said: bool,
    ) -> Iterator[dict[Any, Any]]:
        """Look at the files with other models."""
        if findings is None:
            yield {self.sides[1].column: gr.update(visible=False)}
            return
        yield from self._fill(findings, model, other)
        yield self._show(findings, which, frame, model, other, _limit(threshold, said))
        yield self._files(findings, model, other)

    @_guarded
    def on_threshold(
        self,
        findings: Findings | None,
        which: int,
        frame: int,
        model: str,
        other: str,
        threshold: float,
        said: bool,
    ) -> Iterator[dict[Any, Any]]:
        """Draw anew; nothing is predicted."""
        if findings is not None and self._is_filled(findings, model, other):
            yield self._show(findings, which, frame, model, other, _limit(threshold, said))

    on_frame = on_threshold

    def on_slider(
        self, findings: Findings | None, which: int, frame: int, model: str, other: str, threshold: float, said: bool
    ) -> Iterator[dict[Any, Any]]:  # fmt: skip
        """Draw anew, by the slider and not by what the model says."""
        yield {self.said: False}
        yield from self.on_threshold(findings, which, frame, model, other, threshold, False)

    @_guarded
    def on_thumbnail(
        self, findings: Findings | None, which: int, frame: int, model: str, other: str, threshold: float, said: bool,
        event: gr.SelectData,
    ) -> Iterator[dict[Any, Any]]:  # fmt: skip
        """Go to another file."""
        if findings is not None and self._is_filled(findings, model, other):
            yield self._show(findings, event.index, 0, model, other, _limit(threshold, said))

    @_guarded
    def on_film(
        self,
        findings: Findings | None,
        which: int,
        frame: int,
        model: str,
        other: str,
        threshold: float,
        said: bool,
    ) -> Iterator[dict[Any, Any]]:
        """Draw all frames of a video."""
        if findings is None or not self._is_filled(findings, model, other):
            return
        made = {}
        for side, name in zip(self.sides, self._asked(model, other), strict=False):
            path = self._new(f"{Path(findings.uploads[which].name).stem}_{name}.webm")
            for done, total in write_film(
                path, findings, which, name, self.models[name], _limit(threshold, said)
            ):
                yield {self.told: _lines([f"{name}: drawing frame {done} of {total}"])}
            made[side.film] = gr.update(value=str(path), visible=True)
        yield {**made, self.told: self._notes(findings, model, other)}

    def on_camera(
        self,
        image: np.ndarray | None,
        live: Live | None,
        model: str,
        other: str,
        threshold: float,
        said: bool,
    ) -> dict[Any, Any]:
        """Look at the camera's next image."""
        if image is None:
            return {self.live: live}
        live = live or Live(self.folder)
        asked = self._asked(model, other)
        try:
            found = live.look(
                np.ascontiguousarray(image[..., 2::-1]), {name: self.models[name] for name in asked}
            )
        except Exception as error:
            return {self.live: live, self.live_told: _words_of(error)}
        changes: dict[Any, Any] = {
            self.live: live,
            self.live_told: _lines(
                [f"{live.rate.per_second:.1f} images/s, {1000 * live.rate.latency:.0f} ms each"]
            ),
            self.live_sides[1].column: gr.update(visible=len(asked) > 1),
        }
        for side, name in zip(self.live_sides, asked, strict=False):
            drawn = drawn_on(scaled_between(live.newest, *_LIVE_SIDES), found[name], _limit(threshold, said))
            data = base64.b64encode(as_jpeg(drawn)).decode()
            changes[side.image] = f'<img alt="keypoints" src="data:image/jpeg;base64,{data}">'
            changes[side.head] = self._heading(name, found[name])
            changes[side.table] = gr.update(value=table_rows(found[name])[:_MOST_ROWS], visible=True)
        return changes

    @_guarded
    def on_keep(
        self, live: Live | None, model: str, other: str, threshold: float, said: bool
    ) -> Iterator[dict[Any, Any]]:
        """Look at the camera's newest image as at a file."""
        if live is None or live.frames == 0:
            yield {self.live_told: _lines([], ["there is no image of the camera yet"])}
            return
        path = self._new("camera.png")
        write_image(path, live.newest)
        yield {self.files: None}
        yield from self._look([Upload(path, path.name)], [], model, other, _limit(threshold, said))

    def on_kept(self, live: Live | None) -> Any:
        """Go to what was kept."""
        return gr.update(selected="files") if live is not None and live.frames else gr.skip()

    # how it is done

    def _look(
        self,
        uploads: list[Upload],
        faults: list[BadInputError],
        model: str,
        other: str,
        threshold: float | None,
    ) -> Iterator[dict[Any, Any]]:
        """Look at files, and show the first that can be read."""
        findings = Findings(uploads, self._new("frames"), faults)
        yield {**self._nothing(), self.told: _lines([], [str(fault) for fault in findings.faults])}
        yield from self._fill(findings, model, other)
        first = next(
            (i for i, found in enumerate(findings.found[model]) if found.results[0].fault is None), None
        )
        if first is None:
            findings.close()
            return
        yield {
            self.findings: findings, **self._show(findings, first, 0, model, other, threshold),
            self.thumbnails: self._thumbnails(findings, model),
        }  # fmt: skip
        yield self._files(findings, model, other)

    def _fill(self, findings: Findings, model: str, other: str) -> Iterator[dict[Any, Any]]:
        for name in self._asked(model, other):
            for words in findings.fill(name, self.models[name]):
                yield {self.told: _lines([f"{words} …"], [str(fault) for fault in findings.faults])}
        yield {self.told: self._notes(findings, model, other)}

    def _asked(self, model: str, other: str) -> list[str]:
        return [model] if other in (NOBODY, model) else [model, other]

    def _is_filled(self, findings: Findings, model: str, other: str) -> bool:
        return all(name in findings.found for name in self._asked(model, other))

    def _notes(self, findings: Findings, model: str, other: str) -> str:
        notes = [
            note for name in self._asked(model, other) for one in findings.found[name] for note in one.notes
        ]
        return _lines(list(dict.fromkeys(notes)), [str(fault) for fault in findings.faults])

    def _show(
        self, findings: Findings, which: int, frame: int, model: str, other: str, threshold: float | None
    ) -> dict[Any, Any]:
        """Show one file, of a video one frame."""
        asked, first = self._asked(model, other), findings.found[model][which]
        place = min(int(frame), len(first.results) - 1) if first.is_video else 0
        many = first.is_video and len(first.results) > 1
        changes: dict[Any, Any] = {
            self.which: which,
            self.frame: gr.update(
                visible=many, maximum=max(1, len(first.results) - 1), value=place,
                label=f"Frame {first.frames[place]}, {first.times[place]:.2f} s" if first.is_video else "Frame",
            ),
            self.make_film: gr.update(visible=many),
        }  # fmt: skip
        for side in self.sides:
            if side.number < len(asked):
                found = findings.found[asked[side.number]][which]
                changes |= self._show_side(side, findings, which, place, asked[side.number], found, threshold)
            changes[side.column] = gr.update(visible=side.number < len(asked))
            changes[side.film] = gr.update(value=None, visible=False)
        return changes

    def _show_side(
        self, side: _Side, findings: Findings, which: int, place: int, name: str, found: Found, threshold: float | None
    ) -> dict[Any, Any]:  # fmt: skip
        result = found.results[place]
        if result.fault is not None:
            hidden = dict.fromkeys((side.image, side.table), gr.update(visible=False))
            return {**hidden, side.head: _lines([], [str(result.fault)])}
        image = findings.image(which, found.frames[place], self.models[name])
        rows = table_rows(result)
        more = f", the first {_MOST_ROWS:,} of {len(rows):,} rows" if len(rows) > _MOST_ROWS else ""
        return {
            side.head: self._heading(name, result, more),
            side.image: gr.update(value=drawn_on(image, result, threshold), visible=True),
            side.table: gr.update(value=rows[:_MOST_ROWS], visible=bool(rows)),
        }

    def _heading(self, name: str, result: "PoseResult", more: str = "") -> str:
        count = f"{len(result)} instance{'' if len(result) == 1 else 's'}" if len(result) else "nothing found"
        return f"<h3>{escape(name)}</h3><p>{count}{more}</p>"

    def _thumbnails(self, findings: Findings, model: str) -> Any:
        """Return the files in small, where there are several."""
        if len(findings.uploads) < 2:
            return gr.update(visible=False, value=[])
        small = []
        for i, (upload, found) in enumerate(zip(findings.uploads, findings.found[model], strict=True)):
            image: np.ndarray = np.full((_THUMBNAIL, _THUMBNAIL, 3), 200, np.uint8)
            if found.results[0].fault is None:
                shown = findings.image(i, found.frames[0], self.models[model])
                image = scaled_between(shown, _THUMBNAIL, 2 * _THUMBNAIL)[..., ::-1]
            small.append((np.ascontiguousarray(image), upload.name))
        return gr.update(visible=True, value=small, selected_index=None)

    def _files(self, findings: Findings, model: str, other: str) -> dict[Any, Any]:
        """Write what can be downloaded."""
        changes = {}
        for side, name in zip(self.sides, self._asked(model, other), strict=False):
            stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
            found = findings.found[name]
            table = write_csv(self._new(f"{stem}.csv"), self.models[name].schema, found)
            changes[side.json] = gr.update(
                value=str(write_found(self._new(f"{stem}.json"), name, found)), visible=True
            )
            changes[side.csv] = gr.update(value=str(table), visible=True)
        return changes

    def _nothing(self) -> dict[Any, Any]:
        """Show no file."""
        hidden = [
            part for side in self.sides for part in (side.image, side.film, side.table, side.json, side.csv)
        ]
        changes: dict[Any, Any] = {
            part: gr.update(visible=False) for part in (*hidden, self.frame, self.make_film)
        }
        changes |= {side.head: "" for side in self.sides}
        return {
            **changes,
            self.findings: None,
            self.which: 0,
            self.thumbnails: gr.update(visible=False, value=[]),
        }

    def _new(self, name: str) -> Path:
        """Return a path of that name that nothing else has."""
        folder = self.folder / uuid.uuid4().hex
        folder.mkdir(parents=True)
        return folder / name
