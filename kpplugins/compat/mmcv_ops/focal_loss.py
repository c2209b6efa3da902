"""``sigmoid_focal_loss`` and ``softmax_focal_loss`` of ``mmcv._ext``, in PyTorch.

The loss is that of Lin et al. (arXiv 1708.02002), for N samples and C classes. ``target`` [N] holds class numbers; C
(sigmoid) and negative numbers (softmax) mean background. ``weight`` [C] multiplies the loss of a sample by the weight
of its class; empty means no weights. Background has weight 1 (mmcv's kernel reads past the end of the array there).

Remove when the package ``kpplugins.compat.mmcv_ops`` goes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kpplugins.compat.mmcv_ops.precision import widen


def _class_weight(target: Tensor, weight: Tensor, like: Tensor) -> Tensor:
    """Return the weight [N] of each sample."""
    if weight.numel() == 0:
        return torch.ones_like(target, dtype=like.dtype)
    is_class = (target >= 0) & (target < weight.numel())
    picked = weight.to(like)[target.clamp(0, weight.numel() - 1)]
    return torch.where(is_class, picked, torch.ones_like(picked))


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Compute the loss of each logit.

    With p = sigmoid(x): -alpha (1 - p)^gamma log(p) for the target class, else -(1 - alpha) p^gamma log(1 - p).

    Args:
        input: [N, C] logits.
        target: [N] int64 class numbers.
        weight: [C] weight of each class, or empty.
        output: filled, [N, C].
        gamma: exponent of the focal term.
        alpha: weight of the target class.
    """
    (logits,) = widen(input)
    is_target = F.one_hot(target, logits.shape[1] + 1)[:, :-1].bool()
    p = logits.sigmoid()
    positive = -alpha * (1 - p) ** gamma * F.logsigmoid(logits)
    negative = -(1 - alpha) * p**gamma * F.logsigmoid(-logits)
    loss = torch.where(is_target, positive, negative) * _class_weight(target, weight, logits)[:, None]
    output.copy_(loss)


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Compute the derivative of each loss with respect to its logit, from dp/dx = p (1 - p).

    Args:
        input: [N, C] logits.
        target: [N] int64 class numbers.
        weight: [C] weight of each class, or empty.
        grad_input: filled, [N, C].
        gamma: exponent of the focal term.
        alpha: weight of the target class.
    """
    (logits,) = widen(input)
    is_target = F.one_hot(target, logits.shape[1] + 1)[:, :-1].bool()
    p = logits.sigmoid()
    positive = -alpha * (1 - p) ** gamma * (1 - p - gamma * p * F.logsigmoid(logits))
    negative = -(1 - alpha) * p**gamma * (gamma * (1 - p) * F.logsigmoid(-logits) - p)
    grad = torch.where(is_target, positive, negative) * _class_weight(target, weight, logits)[:, None]
    grad_input.copy_(grad)


def _picked_probability(probabilities: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the probability [N] of the target class, at least the smallest normal number; and if there is one [N]."""
    is_class = target >= 0
    picked = probabilities.gather(1, target.clamp(min=0)[:, None])[:, 0]
    return picked.clamp(min=torch.finfo(probabilities.dtype).tiny), is_class


def softmax_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Compute the loss -alpha (1 - p)^gamma log(p), where p is the target's probability.

    Args:
        input: [N, C] probabilities.
        target: [N] int64 class numbers.
        weight: [C] weight of each class, or empty.
        output: filled, [N].
        gamma: exponent of the focal term.
        alpha: weight of the target class.
    """
    (probabilities,) = widen(input)
    p, is_class = _picked_probability(probabilities, target)
    loss = -alpha * (1 - p) ** gamma * p.log() * _class_weight(target, weight, probabilities)
    output.copy_(torch.where(is_class, loss, torch.zeros_like(loss)))


def softmax_focal_loss_backward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    buff: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Compute the derivative of the loss with respect to the logits.

    By the chain rule dL/dx_c = p dL/dp (1[c = target] - softmax_c).

    Args:
        input: [N, C] probabilities.
        target: [N] int64 class numbers.
        weight: [C] weight of each class, or empty.
        buff: filled with p dL/dp, [N].
        grad_input: filled, [N, C].
        gamma: exponent of the focal term.
        alpha: weight of the target class.
    """
    (probabilities,) = widen(input)
    p, is_class = _picked_probability(probabilities, target)
    slope = alpha * (gamma * (1 - p) ** (gamma - 1) * p * p.log() - (1 - p) ** gamma)
    slope = torch.where(
        is_class, slope * _class_weight(target, weight, probabilities), torch.zeros_like(slope)
    )
    one_hot = F.one_hot(target.clamp(min=0), probabilities.shape[1])
    buff.copy_(slope)
    grad_input.copy_(slope[:, None] * (one_hot - probabilities))
