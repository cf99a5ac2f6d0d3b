"""Reports of scores: report.json for programs, report.html for people, tables for the terminal."""

from benchmarks.report.ablation import write_tables
from benchmarks.report.terminal import terminal_table
from benchmarks.report.write import write_report

__all__ = ["terminal_table", "write_report", "write_tables"]
