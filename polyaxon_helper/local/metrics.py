"""The metrics of a run: kept in a file as they arrive, and summed up in a table."""
import json
import threading
from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Type


class Metrics:
    """A JSON Lines file, an entry `{"values": {NAME: NUMBER, ...}, "created_at": TIME}` a line; any thread may add."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "a", encoding="utf-8")  # an earlier run's metrics stay
        self._lock = threading.Lock()
        self._values: Dict[str, List[float]] = {}
        self.lost = 0
        """Entries that the platform would have lost without a word."""

    def __enter__(self) -> "Metrics":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._file.close()

    def add(self, entry: Mapping[str, Any]) -> None:
        with self._lock:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()
            for name, value in entry["values"].items():
                self._values.setdefault(name, []).append(value)

    def lose(self, entries: int) -> None:
        with self._lock:
            self.lost += entries

    def table(self) -> str:
        """Metric, points, last, min, max, aligned; and what was lost."""
        rows = [["metric", "points", "last", "min", "max"]]
        for name, values in sorted(self._values.items()):
            numbers = [value for value in values if isinstance(value, (int, float))]
            rows.append([name, str(len(values)), _short(values[-1]), *(
                [_short(min(numbers)), _short(max(numbers))] if numbers else ["", ""]
            )])
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        if not self._values:
            lines = ["no metrics arrived"]
        if self.lost:
            lines.append("{} entries would be lost on Polyaxon: one in their batch was not valid".format(self.lost))
        return "\n".join(lines)


def _short(value: Any) -> str:
    return "{:.6g}".format(value) if isinstance(value, float) else json.dumps(value)
