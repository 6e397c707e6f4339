"""The example, as it was in 2018 and moved, gives the same numbers on each platform, by whoever answers there."""
import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any, List

import pytest

from .processes import CLIENT_IS_0_4, HAS_CLIENT, ROOT, Process, needs_traceml

pytestmark = pytest.mark.slow

TABLE = """\
metric    points  last     min       max
accuracy  5       0.68     0.5       0.76
loss      5       0.51279  0.443789  0.887462
"""

SPEC = importlib.util.find_spec("markupsafe")
ALONE = sys.version_info < (3, 10) and SPEC is not None and "soft_unicode" in Path(str(SPEC.origin)).read_text()

client = pytest.mark.skipif(not HAS_CLIENT or CLIENT_IS_0_4, reason="no client here finds parameters in a run of 0.5")
alone = pytest.mark.skipif(not ALONE, reason="no client here can be imported by itself")
FORMS: List[Any] = [
    pytest.param([], "0.5", "environment", id="on 0.x, without the client"),
    pytest.param([], "0.5", "client", id="on 0.x, with the client", marks=client),
    pytest.param([], "2", "environment", id="on 2.x"),
    pytest.param(["--python", "3.10"], "0.5", "client", id="moved to the client, on 0.x", marks=client),
    pytest.param(["--python", "3.9"], "0.5", "client", id="moved to the client alone, on 0.x", marks=[client, alone]),
    pytest.param(["--to", "traceml"], "2", "environment", id="moved to traceml, on 2.x", marks=needs_traceml),
]


@pytest.mark.parametrize("options, platform, backend", FORMS)
def test_the_same_numbers(options: List[str], platform: str, backend: str, python: Process, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    shutil.copy(str(ROOT / "examples" / "train.py"), str(script))
    if options:
        process = python("-m", "polyaxon_helper.migrate", *options, str(script))
        assert process.returncode == 0, process.stderr
    process = python(
        "-m", "polyaxon_helper.local", "--platform", platform, "--param", "lr=0.05", "--param", "epochs=5", "--data",
        "iris={}".format(ROOT / "examples" / "data"), str(script), backend=backend, cwd=tmp_path)
    assert (process.returncode, process.stdout) == (0, "trained on 100 flowers\n"), process.stderr
    assert TABLE in process.stderr
    assert ("deprecated calls" in process.stderr) is not bool(options)


@pytest.mark.skipif(CLIENT_IS_0_4, reason="no client here finds parameters in a run of 0.5")
def test_its_polyaxonfile_gives_them_too(python: Process, tmp_path: Path) -> None:
    shutil.copytree(str(ROOT / "examples"), str(tmp_path / "examples"))
    process = python("-m", "polyaxon_helper.local", "--data", "iris=data", "--param", "epochs=5",
                     cwd=tmp_path / "examples")
    assert (process.returncode, process.stdout) == (0, "trained on 100 flowers\n"), process.stderr
    assert TABLE in process.stderr


def test_its_group_has_twelve(python: Process, tmp_path: Path) -> None:
    shutil.copytree(str(ROOT / "examples"), str(tmp_path / "examples"))
    process = python("-m", "polyaxon_helper.local", "group.yml", "--dry-run", cwd=tmp_path / "examples")
    assert process.stdout.count("python3 train.py\n") == 12
    assert '{"lr": 0.001, "epochs": 5}\n' in process.stdout
