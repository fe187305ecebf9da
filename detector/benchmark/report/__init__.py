"""Results -> one HTML page, the same in Markdown, and the numbers as CSV."""

from detector.benchmark.report.write import write_report

__all__ = ["write_report"]
