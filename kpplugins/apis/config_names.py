"""Top-level names of a config that nothing will ever read."""

import ast
import difflib
import inspect
import re
from pathlib import Path

from kpplugins.structures import BadInputError

CONVENTIONAL = {
    "_base_", "auto_scale_lr", "backend_args", "codec", "custom_imports", "data_mode", "data_root", "dataset_type",
    "input_size", "keypoints", "test_pipeline", "train_pipeline", "tta_model", "tta_pipeline", "val_pipeline",
    "vis_backends",
}  # fmt: skip
"""Names that OpenMMLab's configs or this project give a meaning, beside the Runner's own arguments."""


def reject_unknown_names(path: Path) -> None:
    """Stop at a top-level name in ``path``, or in a local base of it, that nothing reads.

    A name is fine when the Runner takes it, when it is conventional, or when the config itself uses it to build
    another value.

    Raises:
        BadInputError: naming the file, the line, and the nearest known name.
    """
    known = known_names()
    texts = {file: file.read_text(encoding="utf-8") for file in local_chain(path)}
    used_by_children = set(re.findall(r"_base_\.(\w+)", "\n".join(texts.values())))
    for file, text in texts.items():
        tree = ast.parse(text, filename=str(file))
        used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        for name, line in _assigned(tree):
            if name not in known | used | used_by_children:
                raise _unknown(name, f"{file}:{line}", known)


def reject_unknown_options(options: dict, names: set[str]) -> None:
    """The same for ``--cfg-options``: the first part of each key must be in the config or known."""
    for key in options:
        if key.split(".")[0] not in known_names() | names:
            raise _unknown(key.split(".")[0], f"--cfg-options {key}", known_names() | names)


def known_names() -> set[str]:
    """The Runner's arguments and the conventional names."""
    from mmengine.runner import Runner

    return (set(inspect.signature(Runner.__init__).parameters) - {"self", "cfg"}) | CONVENTIONAL


def local_chain(path: Path) -> list[Path]:
    """``path`` and every base of it that is a file of this project, not of an installed package."""
    chain, todo = [], [path]
    while todo:
        file = todo.pop()
        chain.append(file)
        for node in ast.parse(file.read_text(encoding="utf-8"), filename=str(file)).body:
            if isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "_base_" for t in node.targets):
                bases = ast.literal_eval(node.value)
                bases = [bases] if isinstance(bases, str) else bases
                todo += [file.parent / b for b in bases if "::" not in b and (file.parent / b).is_file()]
    return chain


def _assigned(tree: ast.Module) -> list[tuple[str, int]]:
    return [
        (target.id, node.lineno)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and not target.id.startswith("_")
    ]


def _unknown(name: str, where: str, known: set[str]) -> BadInputError:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    todo = f"did you mean {near[0]!r}?" if near else "remove it, or use it in the config"
    return BadInputError(f"unknown config key {name!r}", where=where, todo=todo)
