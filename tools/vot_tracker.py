"""The command that the VOT toolkit starts, one tracker in TraX on standard input and output.

    python tools/vot_tracker.py tracker=cacf backbone=pixels
    python tools/vot_tracker.py checkpoint=/path/to/best.pt tracking.scale_step=1.03

Every key of track.py but source and box. The toolkit starts it in a folder of its own, so paths
must be absolute. What it needs beside this project (the toolkit may have its own environment):

    pip install vot-trax
    pip install vot-toolkit==0.9.0 'attributee<0.1.10'

tools/trackers.ini says how the toolkit finds it, tools/make_vot_workspace.py makes a workspace to
try it in. For a year of VOT, with tools/trackers.ini copied to DIR and its paths filled in:

    vot initialize --workspace DIR vot2018/shortterm
    vot evaluate --workspace DIR --experiments unsupervised cacf
    vot analysis --workspace DIR --experiments unsupervised cacf

The experiments of type `supervised`, which start again after a failure (baseline and realtime of
VOT-2013 to 2019), do not run in vot-toolkit 0.8.1 and 0.9.0 with any tracker over TraX: they hand
over one region where the toolkit now wants a list. They run in vot-toolkit==0.7.4, and 0.9.0
analyses what that has written.
"""

import sys
from pathlib import Path

from omegaconf import DictConfig

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # started from anywhere

from engine.bridges.vot import serve
from engine.build import build_contestant
from engine.command import run_command
from engine.distributed import build_device
from engine.live import LiveTracker


def vot_tracker(config: DictConfig) -> None:
    """Serve the tracker that is asked for."""
    contestant = build_contestant(config)
    serve(LiveTracker(contestant.tracker, build_device(config.device)), contestant.name)


if __name__ == "__main__":
    run_command(vot_tracker, "track")
