"""Put the guards into a Runner's hooks."""

from collections.abc import Mapping, Sequence
from typing import Any

_INSTEAD = {
    "CheckpointHook": "BestCheckpointHook",
    "EarlyStoppingHook": "PatientStoppingHook",
    "IterTimerHook": "SteadyTimerHook",
}
"""MMEngine's hooks and those that stand in for them."""
_ALWAYS = (
    "FiniteDivergenceHook",
    "FiniteStepsHook",
    "LearningWatchHook",
    "LostSamplesHook",
    "NoMatchHook",
    "SingleValueNormHook",
    "ContinuityHook",
    "CalibrationHook",
)
_CHECKPOINT = "checkpoint"


def guarded_hooks(
    default_hooks: Mapping[str, Any] | None, custom_hooks: Sequence[Any] | None
) -> tuple[dict[str, Any], list[Any]]:
    """Add the guards to the hooks of a training.

    Args:
        default_hooks: MMEngine's, by name; unchanged. One that is ``None`` stays off.
        custom_hooks: the config's own; unchanged.

    Returns:
        Both, with ours in the place of MMEngine's hooks for checkpoints, early stopping and the time left, and those
        that every training has.
    """
    defaults = {name: _exchanged(hook) for name, hook in (default_hooks or {}).items()}
    defaults.setdefault(_CHECKPOINT, dict(type=_named("BestCheckpointHook"), interval=1))
    custom = [_exchanged(hook) for hook in custom_hooks or ()]
    return defaults, custom + [dict(type=_named(name)) for name in _ALWAYS]


def _exchanged(hook: Any) -> Any:
    """Return the hook's config with our type, where it is MMEngine's own and not a subclass."""
    if not isinstance(hook, dict):
        return hook
    kind = hook.get("type")
    ours = _INSTEAD.get(
        kind.removeprefix("mmengine.") if isinstance(kind, str) else getattr(kind, "__name__", "")
    )
    return {**hook, "type": _named(ours)} if ours else hook


def _named(kind: str) -> str:
    return f"mmpose.{kind}"  # from any default scope, such as MMDetection's
