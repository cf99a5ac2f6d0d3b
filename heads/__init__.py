"""Feature maps -> scores, boxes, losses: what stands between a backbone and a tracker."""
