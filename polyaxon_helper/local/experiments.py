"""Runs experiments, a group's several at a time, and shows what came of them."""
import itertools
import json
import math
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ..warn import write
from .curves import METRICS, Curve, page, read, sparkline
from .run import ENDING, POLL, NotStarted, Run, run_command

PARAMS, PAGE, LOG = "polyaxon-params.json", "metrics.html", "log.txt"  # beside a run's metrics.jsonl
Curves = Mapping[str, Curve]


def say(*lines: str) -> None:
    """Write lines to standard error."""
    write("".join(printable(line) + "\n" for line in lines))


def run_one(run: Run, signals: Sequence[int]) -> int:
    """Run an experiment, print its table, and return its exit status. Raises what run_command() raises."""
    status, curves, said = _run_and_draw(run, signals)
    outputs = os.path.join(run.artifacts, "outputs") if run.pod else run.outputs
    say("", *_metrics_table(curves), *said, "outputs: " + outputs)
    return status


def _run_and_draw(run: Run, signals: Sequence[int], log: Optional[IO[bytes]] = None) -> Tuple[int, Curves, List[str]]:
    """Run an experiment and write its page; return its status, its metrics, and what is to be said about them."""
    metrics, curves = os.path.join(run.outputs, METRICS), {}  # type: str, Curves
    begin = os.path.getsize(metrics) if os.path.exists(metrics) else 0  # behind those of an earlier run
    status, troubles = run_command(run, signals, log)
    try:
        curves = read(run.artifacts, begin)
        written = "curves: " + _write_page(run.artifacts, [("", curves)])
        troubles.extend([written] if curves and not log else [])
        with open(os.path.join(run.artifacts, PARAMS), "w", encoding="utf-8") as file:
            json.dump(run.params, file)
    except OSError as error:  # the disk is full, but the run has ended, and its status counts
        troubles.append(str(error))
    return status, curves, troubles


def _write_page(folder: str, runs: Sequence[Tuple[str, Curves]]) -> str:
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(os.path.abspath(folder), PAGE)
    with open(path, "w", encoding="ascii") as file:
        file.write(page("/".join(path.split(os.sep)[-3:-1]), runs))
    return path


def run_group(runs: Sequence[Run], outputs: str, jobs: int, sort: Optional[str], signals: Sequence[int]) -> int:
    """Run a group's experiments, so many at a time, and print a table of them; 1 where one did not succeed, else 0.

    After a signal that ends processes no further one begins, and its negative number is returned.
    """
    varied = _differing([run.params for run in runs])

    def run_it(run: Run) -> Tuple[str, Curves]:
        if ENDING & set(signals):
            return "not run", {}
        where, begin, log = "{}/{}".format(run.number, len(runs)), time.monotonic(), os.path.join(run.outputs, LOG)
        say("{} begins: {}".format(where, _named(varied[run.number - 1])))
        try:
            os.makedirs(run.outputs, exist_ok=True)
            with open(log, "ab") as file:
                status, curves, troubles = _run_and_draw(run, signals, file)
        except (OSError, NotStarted) as error:
            status, curves, troubles = 127, {}, [str(error)]  # as a shell has it
        how = "succeeded" if not status else "stopped" if ENDING & set(signals) else "failed with {}".format(status)
        say("{} {} after {:.1f} s: {}".format(where, how, time.monotonic() - begin, log), *troubles)
        return how, curves

    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run_it, run) for run in runs]
        while not all(each.done() for each in futures):  # not result(): a signal just before it would not be seen
            time.sleep(POLL)
    results = [each.result() for each in futures]
    said = _group_table(varied, results, sort)
    try:
        labels = ["{} {}".format(run.number, _named(each)) for run, each in zip(runs, varied)]
        drawn = [(label, curves) for label, (_, curves) in zip(labels, results) if curves]
        said.append("curves: " + _write_page(outputs, drawn))
    except OSError as error:
        said.append(str(error))
    say("", *said, "outputs: " + outputs)
    return next((-number for number in signals if number in ENDING), int(any(how != "succeeded" for how, _ in results)))


def view(folders: Sequence[str], outputs: str) -> str:
    """Write a page of the metrics in the folders and below, and return its path. Raises ValueError where none are."""
    every: Set[str] = set()
    for folder in folders:
        inside = [path for path, inner, files in os.walk(os.path.abspath(folder)) if METRICS in files
                  or "events" in inner and os.path.isdir(os.path.join(path, "events", "metric"))]
        if not inside:
            raise ValueError("--view: no metrics.jsonl and no event file is in " + folder)
        every.update(inside)
    found = sorted(every, key=lambda path: [(part.isdecimal() and int(part), part) for part in path.split(os.sep)])
    params: List[Dict[str, Any]] = [{} for _ in found]
    for path, each in zip(found, params):
        with suppress(OSError, ValueError, TypeError), open(os.path.join(path, PARAMS), encoding="utf-8") as file:
            each.update(json.load(file))
    above = os.path.commonpath(found)
    names = [os.path.relpath(path, above) for path in found] if len(found) > 1 else [""]
    labels = ["{} {}".format(name, _named(each)).strip() for name, each in zip(names, _differing(params))]
    return _write_page(outputs, [(label, read(path)) for label, path in zip(labels, found)])


def _metrics_table(curves: Curves) -> List[str]:
    """Make a line for each metric: its number of points, last, min and max; on a terminal its curve too."""
    rows = [["metric", "points", "last", "min", "max"]]
    for name, (_, _, values) in curves.items():
        finite = list(filter(math.isfinite, values)) or [math.nan]
        rows.append([name, *map(_short, (len(values), values[-1], min(finite), max(finite))), *_drawn(values)])
    return _aligned(rows) if curves else ["no metrics arrived"]


def _group_table(varied: List[Dict[str, str]], results: List[Tuple[str, Curves]], sort: Optional[str]) -> List[str]:
    """Make a line for each experiment: its number, status, parameters that differ, and last values."""
    metrics = sorted({name for _, curves in results for name in curves})
    rows = []
    for number, (params, (status, curves)) in enumerate(zip(varied, results), 1):
        values = [curves[name].values if name in curves else [] for name in metrics]
        cells = [" ".join([_short(each[-1]), *_drawn(each)]) if each else "" for each in values]
        last = curves[sort].values[-1] if sort and sort in curves else math.nan
        key = (1, 0.0) if math.isnan(last) else (0, last)
        rows.append((key, [str(number), status, *params.values(), *cells]))
    if sort:
        rows.sort(key=lambda row: row[0])
    lines = _aligned([["", "status", *varied[0], *metrics], *(row for _, row in rows)])
    unknown = "--sort: there is no metric {!r}, but: {}".format(sort, ", ".join(metrics))
    return lines + ([unknown] if sort and sort not in metrics else [])


def _aligned(rows: Sequence[Sequence[str]]) -> List[str]:
    rows = [list(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in itertools.zip_longest(*rows, fillvalue="")]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def printable(text: str) -> str:
    """Escape what would steer a terminal, such as \\x1b."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _short(value: Any) -> str:
    """Show a parameter or a number in few letters."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else "{:.6g}".format(value)
    return value if isinstance(value, str) else json.dumps(value)


def _drawn(values: Sequence[float]) -> List[str]:
    """Draw a curve, where standard error is a terminal that can show its letters."""
    try:
        return [sparkline(values)] if sys.stderr.isatty() and "▁█".encode(sys.stderr.encoding) else []
    except (AttributeError, ValueError):  # there is none, it is closed, or has other letters
        return []


def _differing(params: Sequence[Mapping[str, Any]]) -> List[Dict[str, str]]:
    """Return, for each run, the parameters that are not the same in all, as they are shown."""
    every = list(dict.fromkeys(name for each in params for name in each))
    texts = [{name: _short(each[name]) if name in each else "" for name in every} for each in params]
    differ = [name for name in every if len({json.dumps(each.get(name)) for each in params}) > 1]
    return [{name: text[name] for name in differ} for text in texts]


def _named(params: Mapping[str, str]) -> str:
    """Name a run by its parameters: `lr=0.1 units=64`."""
    return " ".join("{}={}".format(*each) for each in params.items())
