"""``masked_im2col`` and ``masked_col2im`` of ``mmcv._ext``: a convolution at chosen positions only.

M positions (mask_h_idx, mask_w_idx) of the output, stride 1, dilation 1, one image.

Remove when the package ``kpplugins.compat.mmcv_ops`` goes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def masked_im2col_forward(
    im: Tensor,
    mask_h_idx: Tensor,
    mask_w_idx: Tensor,
    col: Tensor,
    kernel_h: int,
    kernel_w: int,
    pad_h: int,
    pad_w: int,
) -> None:
    """Collect the patches around M positions; zeros outside the image.

    Args:
        im: [1, C, H, W].
        mask_h_idx: [M] int64, y of each position.
        mask_w_idx: [M] int64, x of each position.
        col: filled, [C * kernel_h * kernel_w, M].
        kernel_h: kernel height.
        kernel_w: kernel width.
        pad_h: padding top and bottom.
        pad_w: padding left and right.
    """
    padded = F.pad(im[0], (pad_w, pad_w, pad_h, pad_h))
    rows = mask_h_idx[None, None] + torch.arange(kernel_h, device=im.device)[:, None, None]
    columns = mask_w_idx[None, None] + torch.arange(kernel_w, device=im.device)[None, :, None]
    col.copy_(padded[:, rows, columns].reshape(col.shape))


def masked_col2im_forward(
    col: Tensor, mask_h_idx: Tensor, mask_w_idx: Tensor, im: Tensor, height: int, width: int, channels: int
) -> None:
    """Write columns to M positions; the others stay as they are.

    Args:
        col: [channels, M].
        mask_h_idx: [M] int64, y of each position.
        mask_w_idx: [M] int64, x of each position.
        im: written to, [1, channels, height, width].
        height: of ``im``.
        width: of ``im``.
        channels: of ``im``.
    """
    im[0, :, mask_h_idx, mask_w_idx] = col.to(im)
