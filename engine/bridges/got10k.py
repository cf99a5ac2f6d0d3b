"""Any tracker in the experiments of the got10k toolkit.

    # my_experiment.py, in the project's root: python my_experiment.py tracker=cacf backbone=pixels
    from got10k.experiments import ExperimentOTB

    from engine.bridges.got10k import Got10kTracker
    from engine.build import build_contestant
    from engine.distributed import build_device
    from engine.command import run_command

    def experiment(config):
        contestant = build_contestant(config)
        device = build_device(config.device)
        tracker = Got10kTracker(contestant.name, contestant.tracker, origin=1, device=device)
        experiment = ExperimentOTB("DIR", version=2015)  # fetches OTB where DIR has none
        experiment.run(tracker)
        experiment.report([tracker.name])

    run_command(experiment, "track")

checkpoint=FILE and every other key of track.py but source and box are understood.

ExperimentVOT of got10k 0.1.3 does not run with numpy 2 (np.NaN): for VOT, tools/vot_tracker.py.
Source: got10k 0.1.3, got10k/trackers/__init__.py.
"""

import numpy as np
import torch
from got10k.trackers import Tracker as Got10kBase
from PIL.Image import Image

from engine.live import LiveTracker
from trackers.base import Tracker


class Got10kTracker(Got10kBase):
    """A tracker as got10k's experiments call it.

    Their boxes are x, y, w, h as the benchmark's files have them: they hand over the first row as
    it is, and write what they get back as it is.

    Args:
        name: of the folder of results.
        tracker: any.
        origin: what the benchmark's files call the left edge of the first pixel: 1 where they
            count from 1, as MATLAB does (OTB), else 0 (GOT-10k).
        device: where it runs.
    """

    def __init__(
        self,
        name: str,
        tracker: Tracker,
        origin: float = 0.0,
        device: torch.device | str = "cpu",
    ):
        super().__init__(name, is_deterministic=tracker.seed is None)
        self.live = LiveTracker(tracker, device)
        self.shift = np.array([origin, origin, 0, 0])
        self.first, self.box, self.repetition = np.zeros(0), np.zeros(0), 0

    def init(self, image: Image, box: np.ndarray) -> None:
        """Start on an RGB picture with box (4,); on the same picture and box as before, repeat with
        other draws. Raises InputError for a box without area inside the picture."""
        picture = np.asarray(image)
        box = np.asarray(box, float) - self.shift
        again = np.array_equal(picture, self.first) and np.array_equal(box, self.box)
        self.repetition = self.repetition + 1 if again else 0
        self.first, self.box = picture, box
        self.live.init(picture, box, self.repetition)

    def update(self, image: Image) -> np.ndarray:
        """Box (4,) in the next RGB picture."""
        box, _ = self.live.update(np.asarray(image))
        return box + self.shift
