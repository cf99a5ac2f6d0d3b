"""VOT's reset-based measures: regions painted into pixels, trajectories, accuracy, EAO."""
