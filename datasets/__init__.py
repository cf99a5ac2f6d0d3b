"""Footage on disk, or made from a seed -> sequences -> training clips."""

import cv2

# A worker forked while OpenCV's thread pool is up hangs in OpenCV. So that there never is one,
# OpenCV works in the thread that calls it; pictures are read by several threads or processes.
cv2.setNumThreads(1)
