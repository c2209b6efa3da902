"""Write Kaggle's submission file for a model of facial keypoints."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate

from kpplugins.config.load import datasets_of
from kpplugins.formats.kaggle_faces.reader import first_centre_in
from kpplugins.formats.kaggle_faces.table import SIDE
from kpplugins.formats.kaggle_faces.test_file import (
    Asked,
    read_lookup,
    read_test_faces,
    require_answerable,
    write_submission,
)
from kpplugins.inference.trained.trained_top_down import sample_of
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

_BATCH = 32
"""Faces that go through the network at once."""


def read_task(cfg: Config, schema: KeypointSchema, path: Path) -> tuple[list[Asked], dict[int, np.ndarray]]:
    """Read which keypoints of which faces Kaggle requests, and check that the model has them before it runs.

    Args:
        cfg: the settled config; both files are in the ``data_root`` of its test data.
        schema: the model's keypoints.
        path: the CSV to write.

    Returns:
        The rows of ``IdLookupTable.csv``, and the (96, 96) uint8 faces of ``test.csv`` by ``ImageId``.

    Raises:
        BadInputError: ``test.csv`` or ``IdLookupTable.csv`` is missing or wrong, the model lacks a requested keypoint,
            or ``path`` is a folder.
    """
    root = _folder(cfg)
    asked, faces = read_lookup(root), read_test_faces(root)
    require_answerable(asked, faces, schema.keypoints)
    if path.is_dir():
        raise BadInputError(
            "is a folder", where=str(path), expected="a file to write", todo="--submission FILE"
        )
    return asked, faces


@torch.inference_mode()
def submit(
    model: Any,
    cfg: Config,
    schema: KeypointSchema,
    asked: Sequence[Asked],
    faces: Mapping[int, np.ndarray],
    path: Path,
) -> dict[str, int]:
    """Find the keypoints of the faces and write the requested ones.

    Args:
        model: with its weights.
        cfg: the settled config; its test pipeline is used.
        schema: the model's keypoints.
        asked: the rows, from ``read_task``.
        faces: the faces by ``ImageId``, from ``read_task``.
        path: the CSV to write.

    Returns:
        Counts by name: ``faces``, ``rows``, and locations ``clipped`` to the image.
    """
    pipeline = Compose(cfg.test_dataloader.dataset.pipeline)
    whole = np.array([0.0, 0.0, SIDE - 1.0, SIDE - 1.0])
    model.eval()
    found: dict[int, np.ndarray] = {}
    left = iter(faces.items())
    while some := list(islice(left, _BATCH)):
        samples = [pipeline(sample_of(np.repeat(f[..., None], 3, axis=2), whole, schema)) for _, f in some]
        results = model.test_step(pseudo_collate(samples))
        found.update({i: r.pred_instances.keypoints[0] for (i, _), r in zip(some, results, strict=True)})
    return {
        "faces": len(faces), "rows": len(asked),
        "clipped": write_submission(
            asked, found, schema.keypoints, path, first_centre_in(_folder(cfg))
        ),
    }  # fmt: skip


def _folder(cfg: Config) -> Path:
    """Return the ``data_root`` of the test data."""
    return Path(next(d for place, d in datasets_of(cfg) if place.startswith("test_")).data_root)
