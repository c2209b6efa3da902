"""Trained models in repositories on the Hugging Face hub."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kpplugins.compat.checkpoints import trust_checkpoints
from kpplugins.data.parsing.documents import load_json
from kpplugins.extras import cure
from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import HUB_FILE, read_checkpoint, run_of
from kpplugins.weights.hub_files import HUB, WEIGHTS, hub_file, repository_of
from kpplugins.weights.run_record import RunRecord, record_of
from kpplugins.weights.safe_weights import safe_checkpoint, save_safetensors

CARD, METRICS = "README.md", "metrics.json"
_SHOWN = ("AP", "EPE", "RMSE", "PCK@0.05", "PCK@0.1")


def push(run: str | Path, repo: str, *, public: bool = False, trust_checkpoint: bool = False) -> str:
    """Put a trained model into a repository on the hub, which is made if it is not there.

    Weights, config and schema are one ``model.safetensors``, from which no code can run; ``schema.json``,
    ``metrics.json`` of the last test and a card stand beside it. No image and no path of the data goes along, except in
    the config.

    Args:
        run: a work dir, of which the best checkpoint is taken, or a checkpoint.
        repo: ``user/repo``.
        public: everybody may see a new repository.
        trust_checkpoint: let the checkpoint run code while it is loaded.

    Returns:
        The address of the commit.

    Raises:
        BadInputError: no such run, it does not say what its keypoints are, huggingface_hub is not installed, or the hub
            refuses.
    """
    repository_of(f"{HUB}{repo}")
    api, errors = _api()
    _, checkpoint = run_of(run, None)
    with trust_checkpoints(trust_checkpoint):
        content = read_checkpoint(checkpoint)
    record = record_of(content, checkpoint)
    if record.schema is None or record.config is None:
        raise BadInputError(
            "this checkpoint does not say what it is",
            where=str(checkpoint),
            expected="one that kpplugins train wrote",
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_safetensors(safe_checkpoint(content, checkpoint), folder / HUB_FILE)
        record.save_beside(folder)
        numbers = _numbers(checkpoint.parent / METRICS)
        if numbers:
            (folder / METRICS).write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
        (folder / CARD).write_text(card(repo, record, numbers), encoding="utf-8")
        try:
            api.create_repo(repo, private=not public, exist_ok=True)
            done = api.upload_folder(
                repo_id=repo, folder_path=folder, commit_message=f"kpplugins: {checkpoint.name}"
            )
        except errors as error:
            raise BadInputError(
                "the hub refuses", where=f"{HUB}{repo}", found=" ".join(str(error).split())[:200],
                todo="hf auth login, with a token that may write there",
            ) from error  # fmt: skip
    return str(done.commit_url)


def pull(repo: str, out: str | Path, *, revision: str | None = None, overwrite: bool = False) -> Path:
    """Fetch a trained model from a repository on the hub.

    Args:
        repo: ``user/repo``.
        out: folder for ``model.safetensors`` and ``schema.json``.
        revision: branch, tag or commit. Default: ``main``.
        overwrite: replace what is in ``out``.

    Returns:
        The checkpoint, which testing, prediction and export take.

    Raises:
        BadInputError: the hub is out of reach, the repository holds no model of this project, or there is one in
            ``out`` already.
    """
    repository_of(f"{HUB}{repo}")
    target = Path(out) / HUB_FILE
    if target.exists() and not overwrite:
        raise BadInputError(
            "exists already", where=str(target), todo="give another folder, or add --overwrite"
        )
    file = hub_file(repo, WEIGHTS[:1], revision)
    record = record_of(read_checkpoint(file), file)
    if record.schema is None or record.config is None:
        raise BadInputError(
            "not a model of this project", where=f"{HUB}{repo}", expected="one that kpplugins push wrote",
            todo=f'to start a training from its weights: backbone_weights = "{HUB}{repo}"',
        )  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)
    record.save_beside(target.parent)
    return target


def card(repo: str, record: RunRecord, numbers: Mapping[str, float]) -> str:
    """Write the page of a repository: what the model finds, how well, and how to use it.

    Args:
        repo: ``user/repo``.
        record: of the run.
        numbers: of its last test.

    Returns:
        Markdown.
    """
    schema = record.schema
    shown = [f"| {key} | {numbers[key]:.4g} |" for key in _SHOWN if key in numbers]
    lines = [
        "---", "library_name: kpplugins", "pipeline_tag: keypoint-detection", "---", "", f"# {repo.split('/')[1]}", "",
        f"`{record.name}`: {schema.num_keypoints} keypoints of `{schema.name}`: {', '.join(schema.keypoints)}."
        if schema else "", "",
        *(["| test | |", "|---|---|", *shown, ""] if shown else []),
        "```sh", f"kpplugins pull {repo} model",
        f"kpplugins demo images --checkpoint model/{HUB_FILE} --out results", "```", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _numbers(metrics: Path) -> dict[str, float]:
    """Read the numbers of the last test; what else stands there, such as paths, is left out."""
    found = load_json(metrics) if metrics.is_file() else {}
    return {k: v for k, v in found.items() if isinstance(v, (int, float))} if isinstance(found, dict) else {}


def _api() -> tuple[Any, tuple[type[Exception], ...]]:
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError
    except ImportError as error:
        raise BadInputError("huggingface_hub is not installed", todo=cure("huggingface_hub")) from error
    return HfApi(), (HfHubHTTPError, LocalTokenNotFoundError, OSError, ValueError)
