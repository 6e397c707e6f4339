"""Python sources: text in, text out, and what is left for a person. Pure: nothing here touches a file.

source, names -> references -> decide -> rewrite, edits. Each phase takes values and gives values.
"""
from .module import Module, Place, Report, Result, leaving, read, rewrite
from .source import Surprise, Unreadable

__all__ = ["Module", "Place", "Report", "Result", "Surprise", "Unreadable", "leaving", "read", "rewrite"]
