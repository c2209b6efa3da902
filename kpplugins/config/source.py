"""Top-level names of a config that nothing will ever read."""

import ast
import contextlib
import difflib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from kpplugins.structures import BadInputError

SPREAD = {
    "amp",
    "box_augment",
    "box_padding",
    "codec",
    "data_root",
    "dataset_args",
    "dataset_type",
    "input_size",
    "keypoints",
    "max_epochs",
    "num_stacks",
    "image_augment",
}
"""Names that ``load_config`` carries to their places."""
READ_BY_RUNNER = {
    "activation_checkpointing", "compile", "custom_imports", "data_mode", "efficient_conv_bn_eval", "find_unused_parameters",
    "model_wrapper_cfg", "sync_bn",
}  # fmt: skip
"""Names that MMEngine's Runner reads from the config without having them as arguments."""


def reject_unknown_names(path: Path) -> None:
    """Stop at a top-level name in ``path``, or in a local base of it, that nothing reads.

    A name is fine when the Runner takes it, when ``load_config`` carries it to its places, or when the file itself uses
    it to build another value. (A child's ``train_pipeline`` alone would change nothing: MMEngine has copied the base's
    into the loader long before.)

    Raises:
        BadInputError: naming the file, the line, and the nearest known name.
    """
    known = known_names()
    texts = {file: file.read_text(encoding="utf-8") for file in local_chain(path)}
    used_by_children = set(re.findall(r"_base_\.(\w+)", "\n".join(texts.values())))
    for file, text in texts.items():
        tree = ast.parse(text, filename=str(file))
        used = loaded_names(tree)
        for name, statement in assignments(tree):
            if not name.startswith("_") and name not in known | used | used_by_children:
                raise _unknown(name, f"{file}:{statement.lineno}", known)


def reject_unknown_options(options: dict) -> None:
    """The same for ``--cfg-options``, which come after the config has used its own names."""
    for key in options:
        if key.split(".")[0] not in known_names():
            raise _unknown(key.split(".")[0], f"--cfg-options {key}", known_names())


def known_names() -> set[str]:
    """The names at the top of a config that something reads."""
    from mmengine.runner import Runner

    return (set(inspect.signature(Runner.__init__).parameters) - {"self", "cfg"}) | SPREAD | READ_BY_RUNNER


def local_chain(path: Path) -> list[Path]:
    """``path`` and every base of it that is a file of this project, not of an installed package."""
    chain, todo = [], [path]
    while todo:
        file = todo.pop()
        chain.append(file)
        for name, statement in assignments(parse(file)):
            if name == "_base_":
                bases = ast.literal_eval(statement.value)
                bases = [bases] if isinstance(bases, str) else bases
                todo += [file.parent / b for b in bases if "::" not in b and (file.parent / b).is_file()]
    return chain


def assigned_values(path: Path, name: str) -> list[object]:
    """What ``path`` and its local bases assign to a top-level name, where it is a literal; the file itself first."""
    values = []
    for file in local_chain(path):
        for assigned, statement in assignments(parse(file)):
            if assigned == name:
                with contextlib.suppress(ValueError):  # built from something else
                    values.append(ast.literal_eval(statement.value))
    return values


def parse(file: Path) -> ast.Module:
    """A config file's syntax tree."""
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def assignments(tree: ast.Module) -> Iterator[tuple[str, ast.Assign]]:
    """The names that are assigned at the top of a config, with their statements, in order."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node


def loaded_names(tree: ast.Module) -> set[str]:
    """The names that a config uses to build its values."""
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _unknown(name: str, where: str, known: set[str]) -> BadInputError:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    todo = (
        f"did you mean {near[0]!r}?" if near else "name the place it should go to, e.g. model.head.num_stacks"
    )
    return BadInputError(f"unknown config key {name!r}", where=where, todo=todo)
