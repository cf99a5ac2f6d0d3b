"""The training loop."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from backbones import Backbone
from benchmarks.files import write_atomically
from datasets.clips import ClipDataset, clip_loader
from engine.checkpoints import (
    load_checkpoint,
    random_states,
    restore_random_states,
    save_checkpoint,
)
from engine.meter import Meter
from engine.pictures import search_picture
from ops.clip import Clip
from ops.errors import InputError, check_number
from trackers.base import Tracker


@dataclass(frozen=True)
class Settings:
    """The config's `trainer` and `optimizer`, as plain values (configs/trainer.yaml explains)."""

    epochs: int
    frozen_epochs: int
    clips_per_epoch: int
    batch_size: int
    max_steps: int | None
    workers: int
    amp: bool
    clip_norm: float
    log_every: int
    picture_every: int
    checkpoint_every: int
    validate: bool
    validate_every: int
    learning_rate: float
    final_learning_rate: float
    momentum: float
    weight_decay: float

    def __post_init__(self):
        counts = ("epochs", "clips_per_epoch", "batch_size", "log_every", "picture_every")
        for name in (*counts, "checkpoint_every", "validate_every"):
            check_number(f"trainer.{name}", getattr(self, name), 1)
        check_number("trainer.workers", self.workers, 0)
        check_number("trainer.frozen_epochs", self.frozen_epochs, 0)
        if self.frozen_epochs >= self.epochs:
            raise InputError(
                f"trainer.frozen_epochs={self.frozen_epochs}: expected less than "
                f"trainer.epochs={self.epochs}"
            )
        check_number("trainer.clip_norm", self.clip_norm, 0, whole=False)
        if self.max_steps is not None:
            check_number("trainer.max_steps", self.max_steps, 1)
        for name in ("learning_rate", "final_learning_rate", "momentum", "weight_decay"):
            check_number(f"optimizer.{name}", getattr(self, name), 0, whole=False)

    @property
    def steps_per_epoch(self) -> int:
        return max(self.clips_per_epoch // self.batch_size, 1)

    @property
    def total_steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    @property
    def last_step(self) -> int:
        return min(self.total_steps, self.total_steps if self.max_steps is None else self.max_steps)

    @property
    def frozen_steps(self) -> int:
        return self.frozen_epochs * self.steps_per_epoch

    def rate(self, step: int) -> float:
        """The learning rate: constant in the frozen epochs, then exponential to the last step."""
        progress = (step - self.frozen_steps) / max(self.total_steps - 1 - self.frozen_steps, 1)
        ratio = self.final_learning_rate / self.learning_rate
        return self.learning_rate * ratio ** max(progress, 0.0)


class Training:
    """One training run: the state that a checkpoint holds, and the loop over it.

    Args:
        tracker: to train, on `device`.
        clips: what it sees.
        settings: see `Settings`.
        directory: the run directory.
        config: what rebuilds the tracker, as plain values, stored in every checkpoint.
        validate: tracker -> score (higher is better), asked after epochs; None leaves it out.
    """

    def __init__(
        self,
        tracker: Tracker,
        clips: ClipDataset,
        settings: Settings,
        directory: Path,
        config: dict[str, Any],
        device: torch.device,
        validate: Callable[[Tracker], float] | None = None,
    ):
        self.tracker, self.clips, self.settings = tracker, clips, settings
        self.directory, self.config, self.device = directory, config, device
        self.validate = validate
        self.amp = settings.amp and device.type == "cuda"
        trained = [p for p in tracker.parameters() if p.requires_grad]
        if not trained:
            raise InputError("nothing to train: this tracker has no weights that train")
        self.optimizer = torch.optim.SGD(
            trained,
            settings.learning_rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
        )
        self.step, self.best = 0, -math.inf
        backbone = getattr(tracker, "backbone", None)
        self.backbone = backbone if isinstance(backbone, Backbone) else None  # can be frozen
        self.frozen = backbone.frozen if self.backbone is not None else ()

    def fit(self) -> None:
        """Run the steps that are left."""
        settings, last = self.settings, self.settings.last_step
        loader = clip_loader(
            self.clips,
            settings.batch_size,
            settings.steps_per_epoch * settings.batch_size,
            self.step,
            last,
            settings.workers,
            pin_memory=self.device.type == "cuda",
        )
        board = SummaryWriter(str(self.directory / "tensorboard"), purge_step=self.step + 1)
        meter = self.meter = Meter(settings.batch_size)
        batches = iter(loader)
        self.tracker.train()
        self._freeze()
        with tqdm(total=last, initial=self.step, unit="step", dynamic_ncols=True) as bar:
            while self.step < last:
                if self.step == settings.frozen_steps:
                    self._freeze()
                with meter.waiting():
                    clip = next(batches).to(self.device)
                rate = settings.rate(self.step)
                losses, seen, norm = self._update(clip, rate)
                self.step += 1
                meter.count(losses)
                if self.step % settings.log_every == 0 or self.step == last:
                    line = {"step": self.step, "learning_rate": rate, "gradient_norm": norm.item()}
                    line |= meter.read()
                    bar.set_postfix_str(
                        f"loss {line['loss']:.3f}, lr {rate:.1e}, "
                        f"{line['clips_per_second']:.2f} clips/s, wait {line['data_wait']:.0%}"
                    )
                    self._log(board, line)
                pictured = (self.step - 1) % settings.picture_every == 0 or self.step == last
                if pictured and "responses" in seen:
                    picture = search_picture(clip, seen)
                    board.add_image("search", picture, self.step, dataformats="HWC")
                bar.update()
                epoch_ended = self.step % settings.steps_per_epoch == 0
                if epoch_ended or self.step == last:
                    self._end_epoch(board, self.step // settings.steps_per_epoch)
                if self.step % settings.checkpoint_every == 0 or epoch_ended or self.step == last:
                    self.save("last.pt")
        board.close()

    def _freeze(self) -> None:
        """In the frozen epochs all that was loaded; then what the config says."""
        if self.backbone is not None:
            frozen_epoch = self.step < self.settings.frozen_steps
            self.backbone.freeze("all" if frozen_epoch else self.frozen)

    def _update(self, clip: Clip, rate: float):
        """One step of SGD: (losses by name with their sum, what was seen, gradient norm)."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp):
            losses, seen = self.tracker.loss(clip)
        loss = sum(losses.values())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.tracker.parameters(), self.settings.clip_norm)
        if not torch.isfinite(loss + norm):
            path = self.directory / "not_finite.pt"
            save_checkpoint(path, {"step": self.step, "clip": vars(clip)})
            found = f"the loss is {loss.item():g}, its gradient {norm.item():g}"
            raise InputError(f"step {self.step}: {found}; its batch is in {path}")
        self.optimizer.step()
        return {"loss": loss.detach()} | losses, seen, norm

    def _end_epoch(self, board: SummaryWriter, epoch: int) -> None:
        if self.validate is None or epoch % self.settings.validate_every:
            return
        self.tracker.eval()
        score = self.validate(self.tracker)
        self.tracker.train()
        self._log(board, {"step": self.step, "epoch": epoch, "val_success_auc": score})
        self.meter.restart()
        if score > self.best:
            self.best = score
            self.save("best.pt")

    def _log(self, board: SummaryWriter, line: dict[str, float]) -> None:
        with open(self.directory / "metrics.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")
        for name, value in line.items():
            if name != "step":
                board.add_scalar(name, value, line["step"])

    # ------------------------------------------------------------------ checkpoints

    def save(self, name: str) -> None:
        """Everything that is needed to go on as if nothing had happened."""
        content = {
            "config": self.config,
            "model": self.tracker.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "best": self.best,
            "random": random_states(),
        }
        save_checkpoint(self.directory / "checkpoints" / name, content)

    def resume(self) -> None:
        """Go on from checkpoints/last.pt, or from the start if the run did not come that far.

        What was logged after the checkpoint is taken back.
        """
        path = self.directory / "checkpoints" / "last.pt"
        if path.exists():
            checkpoint = load_checkpoint(path)
            check_same_config(checkpoint["config"], self.config)
            self.tracker.load_state_dict(checkpoint["model"])
            self.optimizer.load_state_dict(checkpoint["optimizer"])
            self.step, self.best = checkpoint["step"], checkpoint["best"]
            restore_random_states(checkpoint["random"])
        metrics = self.directory / "metrics.jsonl"
        if metrics.exists():  # a line that was cut short by a kill does not end
            lines = metrics.read_text().splitlines(keepends=True)
            lines = [line for line in lines if line.endswith("\n")]
            kept = [line for line in lines if json.loads(line)["step"] <= self.step]
            write_atomically(metrics, "".join(kept))


# What may differ between a run and its resumption: none of it changes the weights.
FREE = {
    *("resume", "name", "label", "device", "evaluation", "evaluate_after", "baselines"),
    *("data_root", "dataset.root", "val_dataset.root", "test_dataset", "trainer.max_steps"),
    *("dataset.cache", "val_dataset.cache"),
    *("trainer.workers", "trainer.log_every", "trainer.picture_every", "trainer.checkpoint_every"),
}


def check_same_config(held: dict[str, Any], given: dict[str, Any], prefix: str = "") -> None:
    """Raise InputError for the first key in which a resumed run would differ from its start."""
    for key in sorted(held.keys() | given.keys(), key=lambda key: (key != "parts", key)):
        name, old, new = prefix + key, held.get(key), given.get(key)
        if name in FREE or old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            check_same_config(old, new, f"{name}.")
        else:
            raise InputError(
                f"resume=true: the run was started with {name}={old}, not {new} "
                "(its .hydra/overrides.yaml has all that was said)"
            )
