"""Results files on one page: curves of several models over each other, tables, what made them."""

from kws.reporting.page import write_report

__all__ = ["write_report"]
