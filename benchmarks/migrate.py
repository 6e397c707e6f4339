"""Measures the rewriter beside what else walks a tree: python benchmarks/migrate.py [--files 2000] [--legacy 50].

CPU seconds (user and system, children included) of whole processes, start-up included. The tree is made of the .py
files of installed packages, and of the standard library where these are too few; in some, an import and calls of the
legacy package are put. ruff and LibCST are left out where they are not installed.
"""
import argparse
import itertools
import os
import random
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from typing import Dict, Iterator, List, Tuple

LEGACY = (
    "from polyaxon_helper import get_outputs_path, get_params, send_metrics\n"
    "def report_to_polyaxon(loss):\n    send_metrics(loss=loss, path=str(get_outputs_path))\n    return get_params()\n"
)

LIBCST = """
import sys
import libcst as cst
from libcst.codemod import CodemodContext
from libcst.codemod.commands.rename import RenameCommand
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    RenameCommand(CodemodContext(), old_name="polyaxon_helper.get_outputs_path",
                  new_name="polyaxon_client.tracking.get_outputs_path").transform_module(cst.parse_module(text))
"""

ONE_FILE = "import numpy\nfrom polyaxon_helper import get_params, send_metrics\n" + "\n".join(
    "def step_{0}(x):\n    send_metrics(loss=x + {0})\n    return get_params()\n".format(number)
    for number in range(40))


MIGRATE = [sys.executable, "-m", "polyaxon_helper.migrate", "--check"]
TARGETS = ("polyaxon-client", "traceml")


def sources() -> Iterator[str]:
    """Installed packages first, in a random order that is always the same."""
    paths = sysconfig.get_paths()
    for base in (paths["purelib"], paths["stdlib"]):
        found = []
        for parent, folders, names in os.walk(base):
            folders[:] = sorted(set(folders) - {"__pycache__", "test", "tests", "lib2to3", "site-packages"})
            found += [os.path.join(parent, name) for name in sorted(names)
                      if name.endswith(".py") and "polyaxon" not in parent]  # else there were more to move
        yield from random.Random(1).sample(found, len(found))


def make_tree(folder: str, files: int, legacy: int) -> List[str]:
    """Copies of real files; returns those that use the legacy package."""
    using: List[str] = []
    for number, path in enumerate(itertools.islice(itertools.cycle(sources()), files)):
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        target = os.path.join(folder, "p{}".format(number // 50), "module_{}.py".format(number))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if len(using) < legacy and 1000 < len(text) < 40000 and "__future__" not in text and parses(text):
            text += "\n\n" + LEGACY
            using.append(target)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
    subprocess.check_call(["git", "init", "-q", folder])
    subprocess.check_call(["git", "-C", folder, "add", "-A"])
    return using


def parses(text: str) -> bool:
    try:
        compile(text, "x", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def cost(command: List[str]) -> Tuple[float, float]:
    """CPU seconds of a process and its children, and its memory in MB."""
    pid = os.spawnvp(os.P_NOWAIT, "sh", ["sh", "-c", 'exec "$@" > /dev/null 2>&1', "sh"] + command)
    _, _, usage = os.wait4(pid, 0)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024 / (1024 if sys.platform == "darwin" else 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--legacy", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--large", action="store_true", help="also ten times as many files")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled once
    ruff = shutil.which("ruff", path=os.path.dirname(sys.executable)) or shutil.which("ruff")
    with tempfile.TemporaryDirectory() as folder:
        one = os.path.join(folder, "one.py")
        with open(one, "w", encoding="utf-8") as file:
            file.write(ONE_FILE)
        commands: Dict[str, List[str]] = {}
        using: List[str] = []
        for times in (1, 10) if options.large else (1,):
            tree, files, legacy = os.path.join(folder, str(times)), options.files * times, options.legacy * times
            moved = make_tree(tree, files, legacy)
            using = using or moved
            for to in TARGETS:
                commands["`migrate --check --to {}`, {} files, {} to move".format(to, files, legacy)] = [
                    *MIGRATE, "--to", to, tree]
        commands["`grep -rl`"] = ["grep", "-rl", "--exclude-dir=.git", "polyaxon_helper", os.path.join(folder, "1")]
        if ruff:
            commands["`ruff check --select UP`"] = [
                ruff, "check", "--select", "UP", "--no-cache", os.path.join(folder, "1")]
        commands["`python -c 'import polyaxon_helper, ast, argparse'`"] = [
            sys.executable, "-c", "import polyaxon_helper, ast, argparse"]
        commands["`migrate --check`, one file of {} lines".format(ONE_FILE.count("\n"))] = [*MIGRATE, one]
        rounds = [{what: cost(command) for what, command in commands.items()} for _ in range(options.rounds + 1)][1:]
        figures = {what: [statistics.median(column) for column in zip(*(each[what] for each in rounds))]
                   for what in commands}
        if not subprocess.call([sys.executable, "-c", "import libcst"], stderr=subprocess.DEVNULL):
            figures["LibCST, one rename, over those {} alone".format(options.legacy)] = list(
                cost([sys.executable, "-c", LIBCST] + using))
    print("Python {}.{}, medians of {} rounds in turn, {} files where nothing else is said\n".format(
        *sys.version_info[:2], options.rounds, options.files))
    columns = {"grep": figures["`grep -rl`"][0], "ruff": figures.get("`ruff check --select UP`", [float("nan")])[0]}
    print("| what | CPU seconds | times grep | of ruff | MB |\n|---|---|---|---|---|")
    for what, (seconds, memory) in figures.items():
        print("| {} | {:.3f} | {:.1f} | {:.2f} | {:.0f} |".format(
            what, seconds, *(seconds / column for column in columns.values()), memory))


if __name__ == "__main__":
    main()
