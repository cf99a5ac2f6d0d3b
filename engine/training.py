"""The training loop."""

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from backbones import Backbone
from datasets.clips import ClipDataset
from datasets.loader import clip_loader
from engine.board import Board, SilentBoard, take_back
from engine.checkpoints import Checkpoints, random_states, restore_random_states
from engine.distributed import ALONE, Ballot, World, distribute
from engine.finite import FiniteCheck
from engine.meter import Meter, progress_text
from engine.optimization import build_optimizer, clip_gradients, compile_network, set_rates
from engine.pictures import clip_picture, search_picture
from engine.reading import ClipReader
from engine.settings import Settings
from engine.stopping import Stopped, StopRequest
from ops.clip import Clip
from ops.errors import InputError
from trackers.base import Tracker

log = logging.getLogger("lodestar")
Validate = Callable[[Tracker], float]


class Training:
    """One training run: the state that a checkpoint holds, and the loop over it.

    Args:
        tracker: to train, on `device`.
        clips: what it sees.
        settings: see `Settings`.
        directory: the run directory.
        config: what rebuilds the tracker, as plain values, stored in every checkpoint.
        footage: digest of what the clips are made from, which must not change during a run.
        validate: tracker -> score, higher is better; asked after epochs, None leaves it out.
        world: the processes that share each batch; of them, one writes.
    """

    def __init__(
        self,
        tracker: Tracker,
        clips: ClipDataset,
        settings: Settings,
        directory: Path,
        config: dict[str, Any],
        device: torch.device,
        footage: str = "",
        validate: Validate | None = None,
        world: World = ALONE,
    ):
        self.tracker, self.clips, self.settings = tracker, clips, settings
        self.directory, self.config, self.device = directory, config, device
        self.footage, self.validate, self.world = footage, validate, world
        settings.check_ranks(self.world.size)
        self.amp = settings.mixed(device)
        if not any(p.requires_grad for p in tracker.parameters()):
            raise InputError("nothing to train: this tracker has no weights that train")
        self.optimizer = build_optimizer(
            tracker,
            settings.learning_rate,
            settings.momentum,
            settings.weight_decay,
            settings.backbone_factor,
            device,
        )
        if settings.compile:
            compile_network(tracker)
        self.checkpoints = Checkpoints(
            directory / "checkpoints", settings.keep_every, settings.keep_most
        )
        self.step, self.best, self.validated, self.unreadable = 0, -math.inf, 0, 0
        self.saved = 0  # step of the newest checkpoint
        backbone = getattr(tracker, "backbone", None)
        self.backbone = backbone if isinstance(backbone, Backbone) else None  # can be frozen
        self.frozen = backbone.frozen if self.backbone is not None else ()

    def fit(self, stop: StopRequest | None = None) -> None:
        """Run the steps that are left. Raises Stopped, with everything saved, when `stop` asks."""
        stop = stop or StopRequest()
        settings, last, world = self.settings, self.settings.last_step, self.world
        reader = self._read()
        board = Board(self.directory, self.step, self.config) if world.main else SilentBoard()
        self.meter = Meter(settings.batch_size, self.device, world.stack)
        ballot = Ballot(world)
        finite = FiniteCheck(self.directory, self.device, world.rank)
        bar = tqdm(
            total=last, initial=self.step, unit="step", dynamic_ncols=True, disable=not world.main
        )
        try:
            with stop.put_off(), bar:
                self.tracker.train()
                self._validate_if_due(board, stop)  # a run may have been killed before it did
                network = None
                while self.step < last:
                    if network is None or self.step == settings.frozen_steps:
                        del network  # its hooks on the gradients go with it
                        network = self._network()
                    with self.meter.waiting():
                        raw = next(reader)
                    clip = raw.to(self.device).cut(self.clips.geometry)
                    rates = set_rates(self.optimizer, settings.rate(self.step))
                    losses, seen, norm = self._update(network, clip, finite)
                    self.step, self.unreadable = self.step + 1, reader.unreadable
                    self.meter.count(losses, norm, len(raw.skipped))
                    self._show(board, bar, rates, clip, seen)
                    bar.update()
                    stopping = ballot.cast(stop.asked)
                    if stopping or self._is_time_to_save():
                        finite.check()
                        self.save()
                    if stopping:
                        raise Stopped(stopping)
                    self._validate_if_due(board, stop)
                if stopping := ballot.close():  # of the last step's vote
                    raise Stopped(stopping)
        finally:
            reader.close()

    def _read(self) -> ClipReader:
        settings, world = self.settings, self.world

        def load(step: int) -> DataLoader:
            return clip_loader(
                self.clips,
                settings.batch_size,
                settings.steps_per_epoch * settings.batch_size,
                step,
                settings.last_step,
                settings.readers(self.device, world.local_size),
                self.device.type == "cuda",
                world.rank,
                world.size,
            )

        share = settings.batch_size // world.size
        return ClipReader(load, self.step, share, settings.unreadable, self.unreadable)

    def _network(self) -> nn.Module:
        """clip -> (losses, seen), its gradients shared among ranks. In the frozen epochs all that
        was loaded stays as it is; then what the config says."""
        if self.backbone is not None:
            frozen_epoch = self.step < self.settings.frozen_steps
            self.backbone.freeze("all" if frozen_epoch else self.frozen)
        return distribute(self.tracker, self.world, self.device)

    def _update(
        self, network: nn.Module, clip: Clip, finite: FiniteCheck
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
        """One step of SGD: (losses by name with their sum, what was seen, gradient norm)."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp):
            losses, seen = network(clip)
        loss = sum(losses.values())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = clip_gradients(self.tracker.parameters(), self.settings.clip_norm)
        finite.add(self.step, clip, loss, norm)
        self.optimizer.step()
        return {"loss": loss.detach()} | losses, seen, norm

    def _is_time_to_save(self) -> bool:
        """Whether a checkpoint follows the step that was just done; ends of epochs count too."""
        settings, step = self.settings, self.step
        kept = settings.keep_every is not None and step % settings.keep_every == 0
        ended = step % settings.steps_per_epoch == 0 or step == settings.last_step
        return kept or ended or step % settings.checkpoint_every == 0

    def _show(
        self, board: Board, bar: tqdm, rates: dict[str, float], clip: Clip, seen: dict[str, Tensor]
    ) -> None:
        """What there is to see of a step that was just done."""
        settings = self.settings
        last = self.step == settings.last_step
        if self.step % settings.log_every == 0 or last:
            line = {"step": self.step, **rates, **self.meter.read()}
            bar.set_postfix_str(progress_text(line))
            board.write(line)
        if self.world.main and ((self.step - 1) % settings.picture_every == 0 or last):
            board.picture("clips", clip_picture(clip), self.step)
            if "responses" in seen:
                board.picture("search", search_picture(clip, seen), self.step)

    def has_work(self) -> bool:
        """Whether `fit` has steps to do, or a validation that was cut short."""
        return self.step < self.settings.last_step or self._is_validation_due()

    def _is_validation_due(self) -> bool:
        settings = self.settings
        epoch, rest = divmod(self.step, settings.steps_per_epoch)
        if self.validate is None or rest or self.validated == self.step:
            return False
        return epoch % settings.validate_every == 0 or self.step == settings.total_steps

    def _validate_if_due(self, board: Board, stop: StopRequest) -> None:
        """Validation after an epoch. Everything is saved by then, so it may be left at any moment
        and is done anew when the run goes on."""
        if not self._is_validation_due():
            return
        self.tracker.eval()
        with self.meter.paused(), stop.at_once():
            score = self.validate(self.tracker)
        self.tracker.train()
        self.validated = self.step
        epoch = self.step // self.settings.steps_per_epoch
        board.write({"step": self.step, "epoch": epoch, "val_score": score})
        best = " (the best so far)" if score > self.best else ""
        log.info("epoch %d, step %d: validation %.3f%s", epoch, self.step, score, best)
        if best:
            self.best = score
            if self.world.main:
                self.checkpoints.save_best(self.state())
        self.save()

    # ------------------------------------------------------------------ checkpoints

    def state(self) -> dict[str, Any]:
        """Everything that is needed to go on as if nothing had happened."""
        return {
            "config": self.config,
            "model": self.tracker.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "best": self.best,
            "validated": self.validated,
            "unreadable": self.unreadable,
            "footage": self.footage,
            "random": random_states(),
        }

    def save(self) -> None:
        """All ranks call this, one writes."""
        unreadable = sum(self.world.gather(self.unreadable))
        if self.world.main:
            self.checkpoints.save(self.state() | {"unreadable": unreadable})
        self.saved = self.step

    def resume(self) -> None:
        """Go on from the newest checkpoint, or from the start if the run did not come that far.

        What was logged after the checkpoint is taken back. Raises InputError for another config,
        footage that changed, or ranks that do not see the same checkpoints.
        """
        checkpoint = self.checkpoints.newest()
        if checkpoint is not None:
            check_same_config(checkpoint["config"], self.config)
            if checkpoint["footage"] != self.footage:
                raise InputError(
                    f"{self.directory}: the training data changed since this run began (other "
                    "targets or boxes); name=NAME starts another run beside it"
                )
            self.tracker.load_state_dict(checkpoint["model"])
            self.optimizer.load_state_dict(checkpoint["optimizer"])
            self.step, self.best = checkpoint["step"], checkpoint["best"]
            self.saved, self.validated = self.step, checkpoint["validated"]
            self.unreadable = checkpoint["unreadable"] // self.world.size  # was all ranks'
            restore_random_states(checkpoint["random"])
        steps = self.world.gather(self.step)
        if len(set(steps)) > 1:
            raise InputError(
                f"{self.directory}: the processes found checkpoints of steps {steps}, expected a "
                "folder that all machines share"
            )
        if self.world.main:
            self.checkpoints.tidy()
            take_back(self.directory, self.step, self.validated)


# What may differ between a run and its resumption: none of it changes the weights, but for the
# device, on which rounding depends (and trainer.amp, which depends on it).
FREE = {
    *("resume", "name", "label", "device", "evaluation", "evaluate_after", "baselines", "index"),
    *("data_root", "test_dataset", "cache", "trainer.max_steps", "trainer.workers"),
    *("trainer.log_every", "trainer.picture_every", "trainer.checkpoint_every"),
    *("trainer.keep_every", "trainer.keep_most", "trainer.unreadable"),
}
FREE_OF_FOOTAGE = ("root", "index", "cache")  # where it lies and how it is held in memory


def check_same_config(held: dict[str, Any], given: dict[str, Any], prefix: str = "") -> None:
    """Raise InputError for the first key in which a resumed run would differ from its start."""
    for key in sorted(held.keys() | given.keys(), key=lambda key: (key != "parts", key)):
        name, old, new = prefix + key, held.get(key), given.get(key)
        of_footage = prefix.startswith(("dataset.", "val_dataset.")) and key in FREE_OF_FOOTAGE
        if name in FREE or of_footage or old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            check_same_config(old, new, f"{name}.")
        else:
            raise InputError(
                f"resume=true: the run was started with {name}={old}, not {new} "
                "(its .hydra/overrides.yaml has all that was said)"
            )
