"""Reads the metrics of runs as curves, and draws them: in a few letters, or on a page for a browser."""
import glob
import itertools
import json
import os
import re
from array import array
from contextlib import suppress
from datetime import datetime, timezone
from html import escape
from math import isfinite, nan
from operator import itemgetter
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

METRICS = "metrics.jsonl"
BLOCKS = "▁▂▃▄▅▆▇█"
PAGE_POINTS, MOST_POINTS, LEAST_POINTS = 100000, 2000, 4  # how many are drawn: in all; of a curve at most, at least


class Curve(NamedTuple):
    """Holds the points of one metric in one run, in the order in which they came."""

    times: "array[float]"  # seconds since the epoch
    steps: "array[float]"  # nan where there is none
    values: "array[float]"  # may be nan or infinite


def read(folder: str, begin: int = 0) -> Dict[str, Curve]:
    """Read the metrics of a run, in its metrics.jsonl behind so many bytes, and in its event files."""
    curves: Dict[str, Curve] = {}
    for name, *point in itertools.chain(_entries(os.path.join(folder, METRICS), begin), _events(folder)):
        curve = curves.setdefault(name, Curve(array("d"), array("d"), array("d")))
        for numbers, number in zip(curve, point):
            numbers.append(number)
    return dict(sorted(curves.items()))


def _entries(path: str, begin: int) -> Iterator[Tuple[str, float, float, float]]:
    """Give names, times, steps and values."""
    with suppress(FileNotFoundError), open(path, "rb") as file:
        file.seek(begin)
        for line in file:
            with suppress(ValueError, TypeError, LookupError, AttributeError, OverflowError):  # torn, or no entry
                entry = json.loads(line.decode("utf-8"))
                when, values = _seconds(str(entry.get("created_at"))), {
                    name: float(value) if isinstance(value, (int, float)) else nan
                    for name, value in entry["values"].items()}
                step = values.pop("step", nan) if len(values) > 1 else nan
                yield from ((name, when, step, value) for name, value in values.items())


def _events(folder: str) -> Iterator[Tuple[str, float, float, float]]:
    for path in glob.glob(os.path.join(glob.escape(folder), "events", "metric", "*.plx")):
        with open(path, encoding="ascii", errors="replace") as file:
            for line in file.read().split("\n")[1:]:
                with suppress(ValueError):  # torn, where traceml was killed while it wrote
                    step, when, value = line.split("|")
                    yield os.path.basename(path)[:-len(".plx")], _seconds(when), float(step or nan), float(value)


def _seconds(text: str) -> float:
    """Return the seconds since the epoch, of a time in UTC where no zone is named; 0 where there is none."""
    with suppress(ValueError, OverflowError):
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return when.replace(tzinfo=when.tzinfo or timezone.utc).timestamp()
    return 0.0


def sparkline(values: Sequence[float], width: int = 16) -> str:
    """Draw those of the values that are finite with at most so many characters, lowest and highest among them."""
    heights = [value for _, value in thin([(0.0, value) for value in values if isfinite(value)], width)]
    low, high = min(heights, default=0.0), max(heights, default=0.0)
    scale = 1.0 if isfinite(high - low) else 0.5
    span, top = high * scale - low * scale, len(BLOCKS) - 1
    return "".join(BLOCKS[round((y * scale - low * scale) / span * top) if span else 3] for y in heights)


def thin(points: Sequence[Tuple[float, float]], most: int) -> Sequence[Tuple[float, float]]:
    """Leave at most so many points, four or more, in order: first, last, lowest and highest of each stretch between."""
    if len(points) <= most:
        return points
    kept, stretches = {0, len(points) - 1}, (most - 2) // 2
    bounds = [1 + (len(points) - 2) * number // stretches for number in range(stretches + 1)]
    for start, end in zip(bounds, bounds[1:]):
        heights = [height for _, height in points[start:end]]
        kept.update((start + heights.index(min(heights)), start + heights.index(max(heights))))
    return [points[index] for index in sorted(kept)]


def page(title: str, runs: Sequence[Tuple[str, Mapping[str, Curve]]]) -> str:
    """Write an HTML page, all of it ASCII: a picture a metric, in which each of these labelled runs is a line."""
    lines: Dict[str, List[Tuple[int, Curve]]] = {}
    for number, (_, curves) in enumerate(runs):
        for name, curve in curves.items():
            lines.setdefault(name, []).append((number, curve))
    most = max(LEAST_POINTS, min(MOST_POINTS, PAGE_POINTS // max(1, sum(map(len, lines.values())))))
    starts = [min((min(curve.times) for curve in curves.values()), default=0.0) for _, curves in runs]

    def whole(text: str) -> str:  # without half characters, which can end a browser
        return text.encode("utf-8", "replace").decode("utf-8")

    title = whole(title).strip() or "Metrics"
    data = [{"title": title, "labels": [whole(label) for label, _ in runs], "names": list(map(whole, sorted(lines)))}]
    data += [_picture(lines[name], starts, most) for name in sorted(lines)]
    with open(os.path.join(os.path.dirname(__file__), "page.html"), encoding="ascii") as file:
        before, between, after = re.split("@[A-Z]+@", file.read())
    written = escape(title).encode("ascii", "xmlcharrefreplace").decode("ascii")
    texts = [json.dumps(each, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c") for each in data]
    scripts = ['<script type="application/json">{}</script>\n'.format(text) for text in texts]
    return "".join([before, written, between, *scripts, after])


def _picture(lines: Sequence[Tuple[int, Curve]], starts: Sequence[float], most: int) -> Dict[str, Any]:
    by_step = all(all(map(isfinite, curve.steps)) for _, curve in lines)
    count, bad, drawn = sum(len(curve.values) for _, curve in lines), 0, []
    for run, curve in lines:
        found = ((x, y) for x, y in zip(curve.steps if by_step else curve.times, curve.values) if isfinite(y))
        points = sorted(found, key=itemgetter(0))
        bad, left = bad + len(curve.values) - len(points), thin(points, most)
        xs = [x for x, _ in left] if by_step else [round(x - starts[run], 6) for x, _ in left]
        drawn.append([run, xs, [y for _, y in left]])
    return {"axis": "step" if by_step else "time", "points": count, "bad": bad, "lines": drawn}
