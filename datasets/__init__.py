"""Footage on disk, or made from a seed -> sequences -> training clips."""
