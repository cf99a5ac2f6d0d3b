"""Picture -> feature maps, with their channels and strides."""

from backbones.base import Backbone
from backbones.hrnet import HRNet
from backbones.mobilenet import MobileNetV2
from backbones.pixels import Pixels
from backbones.plain import VGGM, AlexNet
from backbones.resnet import ResNet
from backbones.siamfc_alexnet import SiamFCAlexNet
from backbones.vgg import VGG16

__all__ = [
    "VGG16",
    "VGGM",
    "AlexNet",
    "Backbone",
    "HRNet",
    "MobileNetV2",
    "Pixels",
    "ResNet",
    "SiamFCAlexNet",
]
