"""A command finds the standard library's modules, whatever the current folder has."""
import os
import sys
from pathlib import Path
from typing import Any, Callable, List

import pytest

from polyaxon_helper.commands import leave_current_folder

from .processes import WITH_TESTS, Process, ended, posix, process_environment, started

PATHS: List[Any] = [
    pytest.param(lambda here: ["/other", "/lib"], lambda here: ["/other", "/lib"], id="another folder stays"),
    pytest.param(lambda here: ["/lib", here], lambda here: ["/lib", here], id="one that is not first stays"),
    pytest.param(lambda here: [here, "/lib"], lambda here: ["/lib"], id="the current folder goes"),
    pytest.param(lambda here: ["", "/lib"], lambda here: ["/lib"], id="the current folder, as a debugger has it"),
    pytest.param(lambda here: [here, here], lambda here: [here], id="the first goes alone"),
]


@pytest.mark.parametrize("before, after", PATHS)
def test_the_path(before: Callable[[str], List[str]], after: Callable[[str], List[str]], monkeypatch: Any) -> None:
    here = os.getcwd()
    monkeypatch.setattr(sys, "path", before(here))
    leave_current_folder()
    assert sys.path == after(here)


# What the commands import, and `import polyaxon_helper` does not: what that needs, the user's script needs too
OWN = ("argparse calendar concurrent copy email gettext html http jinja2 locale markupsafe platform queue secrets "
       "select selectors signal socket subprocess uuid yaml").split()
COMMANDS = ["local polyaxonfile.yml", "local x.py", "migrate --check x.py", "resend --list"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_users_own_modules_of_those_names_are_left_alone(command: str, python: Process, own_folder: Path) -> None:
    (own_folder / "x.py").write_text("x = 1\n")
    (own_folder / "polyaxonfile.yml").write_text("run: {cmd: python x.py}")
    for name in OWN:
        (own_folder / (name + ".py")).write_text("raise SystemExit('the user\\'s own')")
    process = python("-m", *("polyaxon_helper." + command).split(), environment={"POLYAXON_HELPER_SUMMARY": "0"})
    assert process.returncode == 0 and "own" not in process.stdout + process.stderr, process.stderr


@posix
def test_a_deleted_current_folder_is_no_hindrance(own_folder: Path) -> None:
    lost = ["bash", "-c", "mkdir gone && cd gone && rmdir ../gone && exec \"$@\"", "-", sys.executable]
    with started(*lost, "-m", "polyaxon_helper.local", "--version", cwd=own_folder,
                 env=process_environment(own_folder, **WITH_TESTS)) as process:
        assert ended(process).stdout == "polyaxon-helper 0.6.0\n"
