"""Protocols, metrics and reports: reads boxes and scores, never runs a tracker."""
