"""The training loop, the evaluation loop, checkpoints, run directories, logging, and `build`."""
