"""``masked_im2col`` and ``masked_col2im`` of ``mmcv._ext``: a convolution at chosen places only.

M places (mask_h_idx, mask_w_idx) of the output, stride 1, dilation 1, one image.

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
    """Fill ``col`` [C * kernel_h * kernel_w, M] with the patches of ``im`` [1, C, H, W]; zeros outside."""
    padded = F.pad(im[0], (pad_w, pad_w, pad_h, pad_h))
    rows = mask_h_idx[None, None] + torch.arange(kernel_h, device=im.device)[:, None, None]
    columns = mask_w_idx[None, None] + torch.arange(kernel_w, device=im.device)[None, :, None]
    col.copy_(padded[:, rows, columns].reshape(col.shape))


def masked_col2im_forward(
    col: Tensor, mask_h_idx: Tensor, mask_w_idx: Tensor, im: Tensor, height: int, width: int, channels: int
) -> None:
    """Write ``col`` [channels, M] to the places of ``im`` [1, channels, height, width]; the others stay."""
    im[0, :, mask_h_idx, mask_w_idx] = col.to(im)
