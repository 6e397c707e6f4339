"""python benchmarks/migrate.py [--files 2000] [--legacy 50]: what the rewriter costs, beside what else walks a tree.

CPU seconds (user and system, children included) of whole processes, start-up included, the least of several runs; each
figure as a ratio within one run. The tree is made of the .py files of installed packages and the standard library; in
some, an import and calls of the legacy package are put. Beside it: `grep -rl`, `ruff check --select UP --no-cache`, and
one pass of LibCST's rename over the files that matter; what is not installed is left out.
"""
import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from typing import Dict, Iterator, List, Optional, Tuple

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


def sources() -> Iterator[str]:
    paths = sysconfig.get_paths()
    for base in (paths["purelib"], paths["stdlib"]):
        for folder, folders, names in os.walk(base):
            folders[:] = sorted(name for name in folders if name not in ("__pycache__", "test", "tests", "lib2to3"))
            for name in sorted(names):
                if name.endswith(".py"):
                    yield os.path.join(folder, name)


def make_tree(folder: str, files: int, legacy: int) -> List[str]:
    """Copies of real files; returns those that use the legacy package."""
    taken: List[str] = []
    paths = sorted(set(sources()))
    random.Random(1).shuffle(paths)
    using: List[str] = []
    number = 0
    while number < files:
        for path in paths[:files - number]:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
            target = os.path.join(folder, "p{}".format(number // 50), "module_{}.py".format(number))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if len(using) < legacy and 1000 < len(text) < 40000 and "__future__" not in text and parses(text):
                text += "\n\n" + LEGACY
                using.append(target)
            with open(target, "w", encoding="utf-8") as file:
                file.write(text)
            taken.append(target)
            number += 1
    return using


def parses(text: str) -> bool:
    try:
        compile(text, "x", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def cost(command: List[str], runs: int) -> Tuple[float, float]:
    """The least CPU seconds of some runs, and the most memory in MB."""
    best, memory = 1e9, 0.0
    for _ in range(runs):
        pid = os.spawnvp(os.P_NOWAIT, "sh", ["sh", "-c", 'exec "$@" > /dev/null 2>&1', "sh"] + command)
        _, _, usage = os.wait4(pid, 0)
        best = min(best, usage.ru_utime + usage.ru_stime)
        memory = max(memory, usage.ru_maxrss / 1024 / (1024 if sys.platform == "darwin" else 1))
    return best, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--legacy", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder = tempfile.mkdtemp()
    try:
        trees: Dict[int, str] = {}
        using: List[str] = []
        for times in (1, 2):
            trees[times] = os.path.join(folder, "tree{}".format(times))
            made = make_tree(trees[times], options.files * times, options.legacy * times)
            using = using or made
        migrate = [sys.executable, "-m", "polyaxon_helper.migrate", "--check"]
        one = os.path.join(folder, "one.py")
        with open(one, "w", encoding="utf-8") as file:
            file.write(ONE_FILE)
        ruff = shutil.which("ruff", path=os.path.dirname(sys.executable)) or shutil.which("ruff")
        rows: List[Tuple[str, Optional[List[str]]]] = [
            ("grep -rl", ["grep", "-rl", "polyaxon_helper", trees[1]]),
            ("migrate --check", migrate + [trees[1]]),
            ("migrate --check, twice the files", migrate + [trees[2]]),
            ("ruff check --select UP --no-cache", [ruff, "check", "--select", "UP", "--no-cache", trees[1]] if ruff
            else None),
            ("LibCST over the files that matter", [sys.executable, "-c", LIBCST] + using),
            ("python -c 'import polyaxon_helper, ast, symtable'",
             [sys.executable, "-c", "import polyaxon_helper, ast, symtable"]),
            ("migrate --check, one file of {} lines".format(ONE_FILE.count("\n")), migrate + [one]),
        ]
        if subprocess.run([sys.executable, "-c", "import libcst"], stderr=subprocess.DEVNULL).returncode:
            rows = [(name, None if name.startswith("LibCST") else command) for name, command in rows]
        print("{} files, {} of which use the legacy package; Python {}.{}".format(
            options.files, options.legacy, *sys.version_info[:2]))
        base = 0.0
        for name, command in rows:
            if command is None:
                print("{:52} not installed".format(name))
                continue
            seconds, memory = cost(command, options.runs)
            base = base or seconds
            print("{:52} {:7.3f} s {:7.1f} x grep {:6.0f} MB".format(name, seconds, seconds / base, memory))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
