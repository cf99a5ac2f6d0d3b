"""Picture -> feature maps, with their channels and strides."""

from backbones.base import Backbone
from backbones.mobilenet import MobileNetV2
from backbones.pixels import Pixels
from backbones.plain import VGGM, AlexNet
from backbones.resnet import ResNet

__all__ = ["VGGM", "AlexNet", "Backbone", "MobileNetV2", "Pixels", "ResNet"]
