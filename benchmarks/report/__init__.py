"""Reports of scores: report.json for programs, report.html for people, a table for the terminal."""

from benchmarks.report.terminal import terminal_table
from benchmarks.report.write import write_report

__all__ = ["terminal_table", "write_report"]
