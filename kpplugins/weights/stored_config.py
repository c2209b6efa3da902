"""Configs inside checkpoints: stored as plain data, and never run when they are read.

MMEngine stores a config as the text of a Python file and runs that text to read it (``Config.fromstring``), so a
stranger's checkpoint would run a stranger's code. Here the text is read as literals only. Even a config of plain data
can name code: MMEngine's registries import ``type='os.system'`` where no class is registered by that name. So only
registered names are let through.
"""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.utils import get_object_from_string

import kpplugins.register  # noqa: F401
from kpplugins.structures import BadInputError

SCOPES = ("mmengine", "mmcv", "mmpose", "mmdet", "mmpretrain")
"""Packages whose registered classes a config may name."""
_OURS = (*SCOPES, "kpplugins")
_NUMBERS = {"inf": float("inf"), "nan": float("nan")}
_KEY = re.compile(r"[^'\"\\\n\r]*")
_TODO = "give the config with --config, or add --trust-checkpoint if you trust its source"


def plain_config(cfg: Config) -> dict[str, Any]:
    """Return a config as plain data; classes and functions become their dotted names, arrays lists, paths strings.

    Args:
        cfg: the config.

    Returns:
        Dicts, lists, tuples, strings, numbers, booleans and ``None``, sharing nothing with ``cfg``.

    Raises:
        BadInputError: a value is neither data nor a class or function; the message names its place.
    """
    return {str(key): _plain(value, str(key)) for key, value in cfg.to_dict().items()}


def config_from_text(text: str, where: str) -> dict[str, Any]:
    """Read the values that the text of a dumped config assigns, without running it.

    Args:
        text: assignments of literals and of ``dict(…)``, as MMEngine writes a config.
        where: its file, for messages.

    Returns:
        Values by name.

    Raises:
        BadInputError: the text holds anything else.
    """
    try:
        found: dict[str, Any] = {}
        for node in ast.parse(text).body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue  # a docstring
            if not isinstance(node, ast.Assign) or not all(isinstance(t, ast.Name) for t in node.targets):
                raise ValueError(f"line {node.lineno} is no assignment")
            for target in node.targets:
                found[target.id] = _literal(node.value)  # type: ignore[attr-defined]
        return found
    except (SyntaxError, ValueError, RecursionError) as error:
        raise BadInputError(
            "the config in this checkpoint is not plain values", where=where, found=str(error)[:100],
            todo="give the config with --config",
        ) from error  # fmt: skip


def built_config(values: dict[str, Any], where: str, trust: bool = False) -> Config:
    """Build a config from a checkpoint's values, making sure that they name registered code only.

    Args:
        values: from ``plain_config`` or ``config_from_text``.
        where: the checkpoint, for messages.
        trust: let it name any code, and import its ``custom_imports``.

    Returns:
        The config.

    Raises:
        BadInputError: it names other code, and is not trusted.
    """
    imports = (values.get("custom_imports") or {}).get("imports") or []
    names = [imports] if isinstance(imports, str) else list(imports)
    if trust:
        for name in names:
            import_module(name)
        return Config(values)
    foreign = [str(name) for name in names if str(name).split(".")[0] not in _OURS]
    foreign += [
        f"scope {scope}" for scope in _values(values, "_scope_", "default_scope") if scope not in SCOPES
    ]
    foreign += [f"type {name}" for name in _values(values, "type") if not _is_registered(name)]
    # metainfo may name a file, which MMPose runs; MMPose's own are found in its package, not here
    foreign += [f"file {file}" for file in _values(values, "from_file") if Path(str(file)).exists()]
    foreign += [f"key {key!r}" for key in _keys(values) if not _KEY.fullmatch(str(key))]
    foreign += [f"key {key!r}" for key in values if not str(key).isidentifier()]
    if foreign:
        raise BadInputError(
            "the config in this checkpoint names code that is not registered", where=where,
            expected=f"classes of {', '.join(_OURS)}", found=foreign[0], todo=_TODO,
        )  # fmt: skip
    return Config(values)


def _plain(value: Any, place: str) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner, f"{place}.{key}") for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        inside = [_plain(inner, f"{place}[{i}]") for i, inner in enumerate(value)]
        return tuple(inside) if isinstance(value, tuple) else inside
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "__qualname__") and hasattr(value, "__module__"):
        return f"{value.__module__}.{value.__qualname__}"
    raise BadInputError(
        "a value that a checkpoint cannot keep",
        where=place,
        found=type(value).__name__,
        expected="plain data",
    )


def _literal(node: ast.AST) -> Any:
    """Return the value of a literal, of ``dict(…)``, or of a list, tuple or dict of these."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        found: dict[Any, Any] = {}
        for argument in node.args:
            found.update(_literal(argument))
        return found | {str(key.arg): _literal(key.value) for key in node.keywords if key.arg or _refuse(key)}
    if isinstance(node, ast.Dict):
        return {_literal(k or node): _literal(v) for k, v in zip(node.keys, node.values, strict=True)}
    if isinstance(node, (ast.List, ast.Tuple)):
        values = [_literal(item) for item in node.elts]
        return values if isinstance(node, ast.List) else tuple(values)
    if isinstance(node, ast.Name) and node.id in _NUMBERS:
        return _NUMBERS[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Name):
        return -_literal(node.operand) if isinstance(node.op, ast.USub) else _refuse(node)
    if isinstance(node, (ast.Constant, ast.UnaryOp)):
        return ast.literal_eval(node)
    return _refuse(node)


def _refuse(node: Any) -> Any:
    raise ValueError(f"line {getattr(node, 'lineno', '?')}: {ast.unparse(node)[:60]}")


def _values(value: Any, *keys: str) -> Iterator[Any]:
    """Yield the values of some keys at any depth, except ``None`` and those of keypoints, whose ``type`` is a word."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in keys and inner is not None and not isinstance(inner, (dict, list)):
                yield inner
            elif key not in ("keypoint_info", "skeleton_info"):
                yield from _values(inner, *keys)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _values(inner, *keys)


def _keys(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value
    if isinstance(value, (dict, list, tuple)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _keys(inner)


def _is_registered(name: Any) -> bool:
    """Tell whether it names a class in OpenMMLab's registries (bare, with scope or module), or torch's own class.

    A word that is no module's name cannot be imported, and passes: a step of albumentations, for example.
    """
    *before, last = str(name).split(".")
    if before[:2] in (["torch", "nn"], ["torch", "optim"]):
        found = get_object_from_string(str(name))
        return isinstance(found, type) and issubclass(found, (torch.nn.Module, torch.optim.Optimizer))
    if before and before[0] not in _OURS:
        return False
    for registry in _registries():
        cls = registry.module_dict.get(last)
        if cls is None and registry.scope in (*SCOPES[:-1], *before[:1]):
            registry.import_from_location()
            cls = registry.module_dict.get(last)
        if cls is not None and (len(before) < 2 or before[0] == cls.__module__.split(".")[0]):
            return True
    return not before and (not last.isidentifier() or find_spec(last) is None)


def _registries() -> Iterator[Registry]:
    rooms = [import_module(f"{scope}.registry") for scope in ("mmengine", "mmpose", "mmdet")]
    todo = [value for room in rooms for value in vars(room).values() if isinstance(value, Registry)]
    while todo:
        registry = todo.pop()
        yield registry
        todo += registry.children.values()
