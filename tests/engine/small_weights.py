"""A tiny tracker as train.py leaves it, without the training: checkpoint, and what it was told."""

import sys

import pytest
import torch
from omegaconf import OmegaConf

from engine.build import build_tracker
from engine.checkpoints import save_checkpoint
from engine.command import run_command

TINY = (
    "tracker=rar backbone=resnet18 backbone.outputs=[conv2] head.stride=4 head.hidden_channels=4 "
    "head.width=8 head.out_channels=4 tracker.input_size=63 trainer.batch_size=4"
).split()


def small_checkpoint(directory, *told, change=lambda model: None):
    """DIRECTORY/checkpoints/last.pt of step 10, and DIRECTORY/.hydra/overrides.yaml: (its path).

    The state dict goes through `change`.
    """
    overrides = [*TINY, *told]
    path = directory / "checkpoints" / "last.pt"

    def save(config):
        plain = OmegaConf.to_container(config, resolve=True)
        tracker = build_tracker(config)
        model, generator = tracker.state_dict(), torch.Generator().manual_seed(0)
        for name, value in model.items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2, generator=generator)
            elif name.endswith("num_batches_tracked"):
                value.fill_(70_001)  # no number of half precision
        change(model)
        content = {"config": plain, "model": model, "step": 10, "optimizer": {"state": {}}}
        save_checkpoint(path, content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train.py", *overrides])
        patch.chdir(directory.parent)
        run_command(save, "train")
    (directory / ".hydra").mkdir(exist_ok=True)
    (directory / ".hydra" / "overrides.yaml").write_text(OmegaConf.to_yaml(overrides))
    return path
