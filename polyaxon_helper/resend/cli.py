"""Arguments, exit status, and what is sent and said."""
import argparse
import atexit
import os
import sys
from typing import Optional, Sequence

from ..classic import journal, sending
from ..classic.backlog import this_experiment
from ..classic.journal import InUse, NotOurs

MAX_FAILURES = 5


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Send, or list, what waits; 0 where all was sent or listed, 1 where something could not be."""
    parser = argparse.ArgumentParser(
        prog="python -m polyaxon_helper.resend",
        description="Send the metrics that an earlier run could not, each to its own experiment, to the API and with "
        "the token of this environment (POLYAXON_API_HTTP_HOST, POLYAXON_SECRET_USER_TOKEN).",
        epilog="A metric may arrive twice, where a run was killed between sending it and deleting it here.",
    )
    parser.add_argument("path", nargs="?", metavar="FOLDER",
                        help="a run's outputs (default: the folders of this environment, for its experiment)")
    parser.add_argument("--list", action="store_true", help="show what waits, and send nothing")
    options = parser.parse_args(arguments)
    atexit.unregister(sending.end)  # what stays here stays
    if options.path and not os.path.isdir(options.path):
        parser.error("there is no folder {!r}".format(options.path))
    folders = [options.path, os.path.join(options.path, journal.FOLDER)] if options.path else journal.folders()
    paths = [path for folder in folders for path in journal.journals_in(folder)]
    if not paths:
        print("nothing waits in {}".format(options.path or ", ".join(folders)))
    return max([_resend(path, options.list, bool(options.path)) for path in paths], default=0)


def _resend(path: str, only_list: bool, of_any: bool) -> int:
    try:
        found = journal.open_abandoned(path, asked_for=True)
    except NotOurs as reason:
        print("{}: left, because {}".format(path, reason))
        return int(not isinstance(reason, InUse))
    if not of_any and this_experiment() not in ((), found.experiment):
        found.close()
        return 0
    reporter = sending.Reporter(MAX_FAILURES)
    backlog = reporter.backlog
    before = sum(batch.waiting for batch in backlog.take(found))
    if only_list:
        print("{}: {} entries wait for experiment {}".format(path, before, "/".join(found.experiment[:3])))
        backlog.close()
        return 0
    backlog.ending.set()  # nothing comes after it
    reporter.drain()
    backlog.leave(ending=True)
    left = sum(batch.waiting for batch in backlog.batches) + sum(backlog.given_up.values())
    print("{}: {} of {} entries sent".format(path, before - left, before))
    backlog.close()
    summary = reporter.summary()
    if summary:
        print(summary, file=sys.stderr)
    return int(bool(summary))
