"""Pure functions: boxes, crops, windows, correlation. Nothing here knows a tracker or a dataset."""
