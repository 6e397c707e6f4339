"""Python sources: text in, text out, and what is left for a person. Pure: nothing here touches a file."""
from .result import Place, Report, Result, Surprise, Unreadable

__all__ = ["Place", "Report", "Result", "Surprise", "Unreadable"]
