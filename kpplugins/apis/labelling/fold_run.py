"""Train a run's config anew on the data of a fold."""

from pathlib import Path

from mmengine.config import Config, ConfigDict

from kpplugins.apis.comparison.budget import Budget
from kpplugins.apis.comparison.recipe import Recipe
from kpplugins.apis.comparison.result_row import result_row
from kpplugins.config.load import load_config
from kpplugins.config.parts import LOADERS, dataset_paths, is_own
from kpplugins.inference.trained.trained_model import open_run
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text

_SPLITS = dict(zip(LOADERS, ("train", "val", "test"), strict=True))
_KEPT = ("pipeline", "data_mode", "test_mode", "lazy_init", "serialize_data", "skip_bad")
_OF_CUSTOM = ("categories", "keypoints")
CONFIG = "fold.py"


def write_config(run: str | Path, schema: KeypointSchema, out: Path) -> Path:
    """Write the config of a run with datasets that read a fold.

    Args:
        run: a config file, or what ``open_run`` takes.
        schema: the keypoints of the labels.
        out: the folder for the file.

    Returns:
        The config file; its datasets read the folder that ``--data`` names.

    Raises:
        BadInputError: there is no such run or config, or its datasets are not of ``kpplugins.datasets``.
    """
    found = Path(run) if Path(run).suffix == ".py" else open_run(run, None).config
    cfg = found if isinstance(found, Config) else load_config(found, schema=schema)
    for loader in LOADERS:
        if not cfg.get(loader):
            raise BadInputError(f"config without {loader}", where=str(run), todo="state one")
        # the innermost dataset reads the files; what wraps it may have the pipeline
        chain = [dataset for path, dataset in dataset_paths(cfg) if path[0] == loader]
        if not chain or not is_own(chain[-1].get("type")):
            raise BadInputError(
                "config without datasets that read own images", where=str(run),
                expected="datasets of kpplugins.datasets, as in configs/custom_*.py",
                found=str(chain[-1].get("type") if chain else None),
            )  # fmt: skip
        kept = {key: chain[-1][key] for key in _KEPT if key in chain[-1]}
        kept |= {key: value for key in _KEPT if (value := cfg[loader].dataset.get(key)) not in (None, [])}
        if chain[-1]["type"] == "CustomKeypointDataset":
            kept |= {key: chain[-1][key] for key in _OF_CUSTOM if key in chain[-1]}
        own = dict(type="CustomKeypointDataset", data_root="-", split=_SPLITS[loader], **kept)
        cfg[loader].dataset = ConfigDict(own)
    out.mkdir(parents=True, exist_ok=True)
    replace_text(out / CONFIG, cfg.pretty_text + "\n")
    return out / CONFIG


def trained_fold(config: Path, folder: Path, budget: Budget | None, seed: int = 0) -> Path:
    """Train one fold, or find it trained already.

    Args:
        config: from ``write_config``.
        folder: of the fold; ``data`` in it is what ``write_fold`` made, the run goes to ``run``.
        budget: of the training; ``None`` takes the config's own number of epochs.
        seed: of weights, order and augmentation.

    Returns:
        The checkpoint.

    Raises:
        BadInputError: the training failed.
    """
    if budget is None:
        epochs = Config.fromfile(str(config)).train_cfg.get("max_epochs")
        if epochs is None:
            raise BadInputError(
                "the config counts iterations, not epochs",
                where=str(config),
                todo="give --epochs or --minutes",
            )
        budget = Budget(epochs=int(epochs))
    recipe = Recipe(
        folder.name,
        config,
        folder / "data",
        folder / "run",
        budget,
        seed,
        {},
        skip_bad=False,
        from_scratch=False,
    )
    row = result_row(recipe)
    if "error" in row:
        raise BadInputError(
            f"a fold could not be trained: {row['error']}", where=str(folder),
            todo=f"see {folder / 'run' / 'error.txt'}",
        )  # fmt: skip
    return folder / "run" / row["checkpoint"]
