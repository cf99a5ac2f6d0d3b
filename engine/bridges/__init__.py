"""Our trackers in other people's toolkits, one module for each; see also tools/vot_tracker.py."""
