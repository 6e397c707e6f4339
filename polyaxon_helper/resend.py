"""python -m polyaxon_helper.resend: sends what a run that was killed, or had no API, left in its journals."""
import argparse
import os
import sys
from typing import Iterator, Optional, Sequence

from .classic import backlog, journal, sending
from .classic.journal import InUse, Journal, NotOurs

MAX_FAILURES = 5


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Send, or list, what waits; 0 where all was sent or listed, 1 where something could not be."""
    parser = argparse.ArgumentParser(
        prog="python -m polyaxon_helper.resend",
        description="Send the metrics that an earlier run could not, each to its own experiment, to the API and with "
        "the token of this environment (POLYAXON_API_HTTP_HOST, POLYAXON_SECRET_USER_TOKEN).",
        epilog="A metric may arrive twice, where a run was killed between sending it and striking it off.",
    )
    parser.add_argument("path", nargs="?", metavar="PATH",
                        help="a run's outputs folder, or a journal (default: those of this environment's experiment)")
    parser.add_argument("--list", action="store_true", help="show what waits, and send nothing")
    options = parser.parse_args(arguments)
    if options.path and not os.path.exists(options.path):
        parser.error("there is no {!r}".format(options.path))
    status = 0
    paths = list(_paths(options.path))
    if not paths:
        print("nothing waits in {}".format(options.path or ", ".join(journal.folders())))
    for path in paths:
        try:
            found = journal.open_abandoned(path, asked_for=True)
        except (InUse, NotOurs) as reason:
            print("{}: left, because {}".format(path, reason))
            status = max(status, int(isinstance(reason, NotOurs)))
            continue
        if options.path or _is_this_experiments(found):
            if options.list:
                entries, experiment = found.waiting, "/".join(found.experiment[:3])
                print("{}: {} entries wait for experiment {}".format(path, entries, experiment))
            else:
                status = max(status, _send(found))
        found.close()
    return status


def _paths(path: Optional[str]) -> Iterator[str]:
    if path and not os.path.isdir(path):
        yield path
        return
    for folder in [path, os.path.join(path, journal.FOLDER)] if path else journal.folders():
        if os.path.basename(os.path.abspath(folder)).lstrip(".").startswith("polyaxon_helper"):
            yield from journal.journals_in(folder)  # among the outputs themselves, a file of that kind is the run's


def _is_this_experiments(found: Journal) -> bool:
    return backlog.this_experiment() in ((), found.experiment)


def _send(found: Journal) -> int:
    before = found.waiting
    reporter = sending.Reporter()
    reporter.backlog.queues.append(found)
    reporter.max_failures = MAX_FAILURES
    reporter.ending.set()  # nothing comes after it
    reporter.drain()
    sent = before - found.waiting - sum(reporter.backlog.given_up.values())
    print("{}: {} of {} entries sent".format(found.path, sent, before))
    summary = reporter.summary()
    if summary:
        print(summary, file=sys.stderr)
    return 1 if summary else 0


if __name__ == "__main__":  # pragma: no branch - nothing imports this module
    sys.exit(main())
