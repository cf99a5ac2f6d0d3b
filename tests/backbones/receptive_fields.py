"""Where the cells of a backbone's maps look, measured by gradient."""

import copy

import torch
from torch import nn

from backbones.base import IMAGENET_MEAN, IMAGENET_STD


def fields(backbone, apart, width, height):
    """Where a cell near the middle and another, `apart` pixels to its right, look.

    With positive weights and averages for maxima every path counts, and the gradient of a cell is
    its receptive field; its centre of mass is where the cell looks. A field may be higher than the
    picture, which does not move it sideways.

    Yields for each output the two centres (input columns), and the largest part of a field that
    lies within 8 columns of the border: if it is not tiny, the picture is too narrow to tell.
    """
    backbone = copy.deepcopy(backbone).eval().requires_grad_(False)
    for module in list(backbone.modules()):
        for key, child in list(module.named_children()):
            if isinstance(child, nn.MaxPool2d):
                average = nn.AvgPool2d(
                    child.kernel_size, child.stride, child.padding, child.ceil_mode
                )
                setattr(module, key, average)
            if isinstance(child, nn.LocalResponseNorm):
                setattr(module, key, nn.Identity())
    for key, parameter in backbone.named_parameters():
        if parameter.ndim == 4 and ".offset." not in key:
            nn.init.constant_(parameter, 1 / parameter[0].numel())
    # Just above the mean, so that no ReLU6 saturates.
    mean, std = (255 * torch.tensor(v).reshape(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    images = (mean + 0.001 * std).expand(1, 3, height, width).clone().requires_grad_()
    columns = torch.arange(width)
    for feature, stride in zip(backbone(images), backbone.strides, strict=True):
        places, cut = [], []
        middle = feature.shape[3] // 2
        for column in (middle, middle + apart // stride):
            total = feature[0, :, feature.shape[2] // 2, column].sum()
            (gradient,) = torch.autograd.grad(total, images, retain_graph=True)
            field = gradient.abs().sum((0, 1, 2))
            field = field / field.sum()
            places.append((field * columns).sum().item())
            cut.append(max(field[:8].sum().item(), field[-8:].sum().item()))
        yield places, max(cut)
