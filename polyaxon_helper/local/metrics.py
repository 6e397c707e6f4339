"""The metrics of a run: kept in a file as they arrive, and summed up in a table."""
import glob
import json
import math
import os
import threading
from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Type


class Metrics:
    """A JSON Lines file, an entry `{"values": {NAME: NUMBER, ...}, "created_at": TIME}` a line; any thread may add."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "a", encoding="utf-8")  # an earlier run's metrics stay
        self._lock = threading.Lock()
        self._rows: Dict[str, Dict[str, Any]] = {}
        self._lost = self._refused = 0

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
                row = self._rows.setdefault(name, {"metric": name, "points": 0})
                row.update(points=row["points"] + 1, last=value)
                if isinstance(value, (int, float)) and math.isfinite(value):
                    row.update(min=min(value, row.get("min", value)), max=max(value, row.get("max", value)))

    def add_events(self, artifacts: str) -> None:
        """Add the points in the event files of a run's folder."""
        for path in sorted(glob.glob(os.path.join(glob.escape(artifacts), "events", "metric", "*.plx"))):
            name = os.path.basename(path)[:-len(".plx")]
            with open(path, encoding="ascii", errors="replace") as file:
                for line in file.read().split("\n")[1:]:
                    try:
                        _, stamp, value = line.split("|")
                        self.add({"values": {name: float(value)}, "created_at": stamp})
                    except ValueError:  # torn, where traceml was killed while it wrote
                        pass

    def lose(self, entries: int) -> None:
        """Count entries that the platform would have lost without a word."""
        with self._lock:
            self._lost += entries

    def refuse(self) -> None:
        """Count a request whose metrics the platform refuses."""
        with self._lock:
            self._refused += 1

    def table(self) -> str:
        """A line a metric, with its number of points, last, min and max, aligned; and what was lost."""
        columns = ["metric", "points", "last", "min", "max"]
        rows = [columns]
        rows += [[_short(row.get(column, "")) for column in columns] for _, row in sorted(self._rows.items())]
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines: List[str] = ["no metrics arrived"]
        if self._rows:
            lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        if self._lost:
            lines.append("{} entries would be lost on Polyaxon: one in their batch was not valid".format(self._lost))
        if self._refused:
            lines.append("{} requests with metrics were refused, as Polyaxon would".format(self._refused))
        return "\n".join(lines)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return "{:.6g}".format(value)
    return value if isinstance(value, str) else json.dumps(value)
