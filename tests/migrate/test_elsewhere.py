"""Proves what uses the legacy package in files that are no Python sources. The ids read as the specification."""
import json
from typing import List, Tuple

import pytest

from polyaxon_helper.migrate.elsewhere import GATE, IMPORTED, INSTALLED, RUN, setup_uses, uses
from polyaxon_helper.migrate.python import Place

INSTEAD = "polyaxon-client"
IN_PLACE = INSTALLED.format(INSTEAD)

SILENT = {
    "another package with a longer name": ("requirements.txt", "polyaxon-helper-x\npolyaxon_helpers==1\n"),
    "another package with a dotted name": ("requirements.txt", "polyaxon-helper.x\n"),
    "a comment of a requirement file": ("requirements.txt", "# polyaxon-helper\nnumpy  # or polyaxon-helper\n"),
    "a comment of a Dockerfile": ("Dockerfile", "# RUN pip install polyaxon-helper\n"),
    "a comment in a command of several lines": (
        "Dockerfile", "RUN pip install \\\n    # polyaxon-helper\n    numpy\n"),
    "a comment of a shell script": ("run.sh", "pip install numpy # polyaxon-helper\n"),
    "a comment behind a quoted #": ("run.sh", "echo '# x' # pip install polyaxon-helper\n"),
    "a comment of a polyaxonfile": ("polyaxonfile.yml", "build_steps:  # pip install polyaxon-helper\n  - make\n"),
    "a comment of a TOML file": ("pyproject.toml", "[project]\ndependencies = [\n  # 'polyaxon-helper'\n]\n"),
    "a comment of a setup.cfg": ("setup.cfg", "[options]\ninstall_requires =\n; polyaxon-helper\n"),
    "a comment of a batch file": ("run.bat", "REM pip install polyaxon-helper\n:: pip install polyaxon-helper\n"),
    "prose": ("notes.txt", "polyaxon-helper was nice\npolyaxon-helper==0.5 was nice\npolyaxon-helper, see above\n"),
    "items of prose": ("notes.txt", "- polyaxon-helper\n* polyaxon-helper\n1. polyaxon-helper\n"),
    "prose that names pip": ("notes.txt", "we use pip and then install things, as polyaxon-helper\n"),
    "a pip line of a Markdown file": ("docs/install.md", "    pip install polyaxon-helper\n"),
    "a pip line of a reStructuredText file": ("docs/install.rst", "    pip install polyaxon-helper\n"),
    "a pip line of a README without suffix": ("README", "pip install polyaxon-helper\n"),
    "a pip line of a page": ("docs/index.html", "<p>\npip install polyaxon-helper\n"),
    "a link": ("links.txt", "https://github.com/polyaxon/polyaxon-helper\n"),
    "a folder of that name that is installed": ("run.sh", "pip install ./polyaxon-helper polyaxon-helper/\n"),
    "a file in a folder of that name": ("run.sh", "pip install -r polyaxon-helper/requirements.txt\n"),
    "another package of a repository with a like name": (
        "requirements.txt", "git+https://github.com/me/polyaxon-helper-x.git#egg=x\n"),
    "an uninstall": ("run.sh", "pip uninstall -y polyaxon-helper\n"),
    "a command behind pip's": ("run.sh", "pip install numpy && echo polyaxon-helper; echo polyaxon-helper\n"),
    "pip's other commands": ("run.sh", "pip show polyaxon-helper | grep polyaxon-helper\n"),
    "the command that moves": ("run.sh", "polyaxon-helper-migrate .\npython -m polyaxon_helper.migrate .\n"),
    "the commands that stay": (
        "run.sh", "python -m polyaxon_helper.resend x\npython -m polyaxon_helper.local run\n"),
    "another module with a longer name": ("run.sh", "python -m polyaxon_helpers\n"),
    "labels of a polyaxonfile": (
        "polyaxonfile.yml", "name: polyaxon-helper\ntags: [polyaxon-helper]\nmore:\n  - polyaxon-helper\n"),
    "labels behind a list of dependencies": (
        "environment.yml", "dependencies:\n  - numpy\ntags:\n  - polyaxon-helper\n"),
    "labels of a pyproject.toml": (
        "pyproject.toml",
        "[project]\nname = 'polyaxon-helper'\ndependencies = []\nkeywords = [\n  'polyaxon-helper'\n]\n"
        "[tool.setuptools]\npackages = ['polyaxon_helper']\n"),
    "labels of a setup.cfg": (
        "setup.cfg", "[options]\ninstall_requires =\n  numpy\npackages =\n  polyaxon_helper\n[mypy-polyaxon_helper.*]\n"
        "ignore_missing_imports = True\n"),
    "an ignored folder": (".gitignore", "polyaxon_helper\n"),
    "what pip writes down of a package": ("lib/polyaxon_helper-0.6.0.dist-info/top_level.txt", "polyaxon_helper\n"),
    "what the CLI keeps": (".polyaxonproject", "polyaxon-helper\n"),
    "what the CLI keeps in a folder": ("a/.polyaxon/run.sh", "pip install polyaxon-helper\n"),
    "what the CLI keeps in a folder of Windows": ("a\\.polyaxon\\run.sh", "pip install polyaxon-helper\n"),
    "a lock file": ("poetry.lock", '[[package]]\nname = "polyaxon-helper"\n'),
    "Pipenv's lock file": ("Pipfile.lock", '{"default": {"polyaxon-helper": {"hashes": []}}}\n'),
    "a Python source": ("setup.py", "import polyaxon_helper\ninstall_requires = '''\npolyaxon-helper\n'''\n"),
    "imports of another module of that name": (
        "stubs/a.pyi",
        "from .polyaxon_helper import a\nfrom mine import polyaxon_helper\nimport a as polyaxon_helper\n"),
    "imports of modules that stay": (
        "a.pyi",
        "from polyaxon_helper.client import Experiment\nimport polyaxon_helper.client, polyaxon_helper.local\n"),
    "imports in comments and strings of a stub": (
        "a.pyi", "'''\nimport polyaxon_helper\n'''\n# import polyaxon_helper\nx = 'a: import polyaxon_helper'\n"
        'y = """\nimport polyaxon_helper\n"""\nz = "\\"; import polyaxon_helper"\n'),
    "the docstring of a script": (
        "train", "#!/usr/bin/env python3\n'''\npip install polyaxon-helper\n'''\n# pip install polyaxon-helper\n"),
    "an import in a script of another language": ("run", "#!/bin/sh\nimport polyaxon_helper\n"),
    "an import in a text": ("notes.txt", "import polyaxon_helper\n"),
    "a broken notebook": ("a.ipynb", '}"source": "import polyaxon_helper'),
}

USED = {
    "a requirement": ("requirements.txt", "numpy\n»polyaxon-helper\n"),
    "a requirement with blanks before it": ("requirements.txt", "  »polyaxon-helper\n"),
    "a requirement without a last line end": ("requirements.txt", "»polyaxon-helper"),
    "any spelling": ("requirements.txt", "»polyaxon_helper\n»polyaxon.helper\n»Polyaxon-Helper\n"),
    "versions": (
        "requirements.txt", "»polyaxon-helper==0.5.6\n»polyaxon-helper>=0.5, <0.6\n»polyaxon-helper ~= 0.5,!=0.5.1\n"
        "»polyaxon-helper===0.5.*\n»polyaxon-helper<1\n"),
    "extras": ("requirements.txt", "»polyaxon-helper[polyaxon-client]>=0.5\n»polyaxon-helper [a, b]\n"),
    "markers": (
        "requirements.txt",
        "»polyaxon-helper; python_version < '3'\n»polyaxon-helper>=0.5 ;(sys_platform == 'linux')\n"),
    "hashes": ("requirements.txt", "»polyaxon-helper==0.5.6 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n"),
    "a requirement with a comment": ("requirements.txt", "»polyaxon-helper # for metrics\n"),
    "a requirement with an address": ("requirements.txt", "»polyaxon-helper @ git+https://example.org/x\n"),
    "a repository": (
        "requirements.txt", "git+https://github.com/polyaxon/»polyaxon-helper.git@0.5#egg=polyaxon-helper\n"
        "-e git+https://github.com/polyaxon/»polyaxon-helper#egg=polyaxon_helper\n"
        "--editable=git+https://example.org/x.git#egg=»polyaxon_helper\n"
        "git+https://github.com/polyaxon/»polyaxon-helper\n"),
    "an archive": (
        "requirements.txt", "https://example.org/»polyaxon_helper-0.5.0-py3-none-any.whl\n"
        "https://github.com/polyaxon/»polyaxon-helper/archive/master.zip\n"),
    "constraints": ("constraints.txt", "»polyaxon-helper==0.5\n"),
    "requirements without a suffix": ("requirements", "»polyaxon-helper\n"),
    "requirements that a script writes": ("run.sh", "cat > requirements.txt <<END\n»polyaxon-helper\nEND\n"),
    "pip": ("run.sh", "pip install »polyaxon-helper\n"),
    "pips": (
        "run.sh",
        "pip3 install »polyaxon-helper\npip3.6 install »polyaxon-helper\npython -m pip install »polyaxon-helper\n"
        "python -mpip install »polyaxon-helper\n.env/bin/pip install »polyaxon-helper\n"
        "$(PIP) install »polyaxon-helper\n"
        "x=$(pip install »polyaxon-helper)\n\t@pip install »polyaxon-helper\n"
        "env\\Scripts\\pip.exe install »polyaxon-helper\nuv pip install »polyaxon-helper\n"
        "pip wheel »polyaxon-helper\n"),
    "other installers": (
        "run.sh", "pipenv install »polyaxon-helper\npoetry add »polyaxon-helper\nuv add »polyaxon-helper\n"),
    "pip's options": (
        "run.sh", "pip -q --proxy http://x:1 install --no-cache -U -i http://x »polyaxon-helper[a]==0.5 numpy\n"),
    "pip with pip itself": ("run.sh", "pip install -U pip »polyaxon-helper\n"),
    "pip with quotes": ("run.sh", "pip install 'numpy' \"»polyaxon-helper>=0.5,<0.6\" '»polyaxon-helper[a]'\n"),
    "pip with markers": ("run.sh", "pip install \"numpy; python_version<'3'\" »polyaxon-helper && ls\n"),
    "pip in a quoted command": ("run.sh", "bash -c 'source activate x; pip install »polyaxon-helper'\n"),
    "pip in a Jenkinsfile": ("Jenkinsfile", "sh '''\n  pip install »polyaxon-helper\n'''\n"),
    "pip with a repository": (
        "run.sh", "pip install -e git+https://github.com/polyaxon/»polyaxon-helper.git#egg=polyaxon-helper\n"),
    "pip behind another command": (
        "run.sh", "cd x && pip install »polyaxon-helper && ls\nls; pip install »polyaxon-helper\n"),
    "pip behind a quoted #": ("run.sh", "echo 'a # b' && pip install »polyaxon-helper\n"),
    "a Dockerfile": ("docker/Dockerfile", "FROM x\nRUN pip install »polyaxon-helper\n"),
    "a Dockerfile of any name": ("dockerfile.txt", "FROM x\nRUN pip3 install -U »polyaxon-helper\n"),
    "a Dockerfile's exec form": ("Dockerfile", 'RUN ["pip", "install", "»polyaxon-helper"]\n'),
    "a command of several lines": (
        "Dockerfile",
        "RUN apt-get x && \\\n    # why\n    pip install \\\n\n    numpy \\\n# and\n    »polyaxon-helper\n"),
    "a command of several lines of Windows": ("run.sh", "pip install numpy \\\r\n  »polyaxon-helper\r\n"),
    "a polyaxonfile": (
        "polyaxonfile.yml",
        "build:\n  build_steps:\n    - pip3 install --no-cache -U »polyaxon-helper\nrun:\n  cmd: make\n"),
    "a polyaxonfile in one line": (
        "polyaxonfile.yaml", "build_steps: [pip3 install »polyaxon-helper, pip install x]\n"),
    "a polyaxonfile's folded command": ("polyaxonfile.yml", "cmd: >\n  pip install\n  »polyaxon-helper\n"),
    "a conda environment": (
        "environment.yml", "name: polyaxon-helper\ndependencies:\n  - python=3.6\n  - pip:\n    - numpy\n"
        "    - »polyaxon-helper==0.5\n  - »polyaxon_helper\n"),
    "a conda environment in one line": ("environment.yml", "dependencies: [python, pip: [\"»polyaxon-helper\", a]]\n"),
    "a project's dependencies": (
        "pyproject.toml", '[project]\nname = "x"\ndependencies = [\n  "numpy",\n  "»polyaxon-helper>=0.5",\n]\n'
        "[project.optional-dependencies]\ntest = ['»polyaxon_helper']\n[build-system]\n"
        "requires = ['»polyaxon-helper']\n"),
    "Poetry's dependencies": (
        "pyproject.toml", '[tool.poetry.dependencies]\npython = "3"\n»polyaxon-helper = "^0.5"\n'
        '"»polyaxon_helper" = {version = "0.5", extras = ["x"]}\n'
        "[tool.poetry.dev-dependencies.»polyaxon-helper]\nversion = '0.5'\n"),
    "a Pipfile": ("Pipfile", '[packages]\n»polyaxon-helper = "*"\n[dev-packages]\n"»polyaxon-helper" = "*"\n'),
    "a setup.cfg": (
        "setup.cfg", "[metadata]\nname = x\n[options]\ninstall_requires =\n    numpy\n    »polyaxon-helper>=0.5\n"
        "[options.extras_require]\nx = »polyaxon-helper\n"),
    "a tox.ini": ("tox.ini", "[testenv]\ndeps =\n    »polyaxon-helper\ncommands = pip install »polyaxon-helper\n"),
    "a program's list of arguments": ("train", "#!/usr/bin/python\ncall(['pip', 'install', '»polyaxon-helper'])\n"),
}

RUNS = {
    "the package as a program": ("run.sh", "python -m »polyaxon_helper x\n"),
    "another module as a program": ("polyaxonfile.yml", "run:\n  cmd: python3 -m »polyaxon_helper.tracking\n"),
    "the package as a program, in a list": ("launch.json", '{"args": ["-m", "»polyaxon_helper"]}\n'),
}

IMPORTS = {
    "an import in a stub": ("a.pyi", "import »polyaxon_helper\n"),
    "an import from, in a stub": ("a.pyi", "from »polyaxon_helper import send_metrics\n"),
    "an import among others": ("a.pyi", "import os, »polyaxon_helper as p, sys, »polyaxon_helper.x\n"),
    "imports behind others": (
        "a.pyi", "try: import »polyaxon_helper; import »polyaxon_helper\nexcept ImportError: pass\n"),
    "an indented import": ("a.pyi", "if x:\n\tfrom\t»polyaxon_helper\timport (\n        a)\n"),
    "an import of several lines": (
        "a.pyi", "import os, \\\n    »polyaxon_helper\nfrom \\\n  »polyaxon_helper import a\n"),
    "an import behind strings": (
        "a.pyi", "x = 'don\\'t'; import »polyaxon_helper\ny = '''\n'''; import »polyaxon_helper\n"),
    "a script": ("bin/train", "#!/usr/bin/env python3\nimport »polyaxon_helper\n"),
    "a script for Python 2": ("train", "#!/usr/bin/python2.7 -u\nprint 'x'\nimport »polyaxon_helper\n"),
}

CELLS = {
    "an import": (["import os\n", "import »polyaxon_helper"], IMPORTED),
    "an import behind escapes": (["x = \"\\t\\\\é\"; import »polyaxon_helper\n"], IMPORTED),
    "an import of several lines": (["import os, \\\n", "    »polyaxon_helper"], IMPORTED),
    "an import behind a long string": (['x = """\n', 'import polyaxon_helper\n', '"""\n', "import »polyaxon_helper"],
                                     IMPORTED),
    "an import with a Windows line end": (["import os\r\n", "import »polyaxon_helper\r\n"], IMPORTED),
    "pip as a command": (["# it's\n", "!pip install numpy »polyaxon-helper\n", "x"], IN_PLACE),
    "pip as a magic": (["%pip install -q »polyaxon-helper"], IN_PLACE),
    "pip of this Python": (["import sys\n", "!{sys.executable} -m pip install »polyaxon-helper"], IN_PLACE),
    "pip in a shell cell": (["%%bash\n", "pip install \\\n", "  »polyaxon-helper"], IN_PLACE),
    "a command": (["!python -m »polyaxon_helper"], RUN),
}

SETUPS = {
    "no requirement": "setup(install_requires=['numpy', 'polyaxon-helper-x'])\n",
    "a comment": "setup(install_requires=['numpy'])  # 'polyaxon-helper'\n",
    "prose": "'''polyaxon-helper was nice'''\nprint('polyaxon-helper was nice')\n",
    "labels": (
        "setup(name='polyaxon-helper', packages=['polyaxon_helper'], package_data={'polyaxon_helper': ['x']},\n"
        "      keywords=['a', 'polyaxon-helper'], description='polyaxon-helper', py_modules=['polyaxon_helper'],\n"
        "      url='https://github.com/polyaxon/polyaxon-helper/archive/1.zip')\n"),
    "an entry point": "setup(entry_points={'x': ['polyaxon-helper=a:b', 'polyaxon-helper = a:b']})\n",
    "a requirement": "setup(name='x', install_requires=[\n    'numpy',\n    '»polyaxon-helper>=0.5',\n])\n",
    "requirements with markers, in both quotes": (
        "setup(extras_require={'x': ['»polyaxon_helper; python_version<\"3\"', \"»polyaxon-helper\"]})\n"),
    "a list with a name": "REQUIRED = ['»polyaxon-helper']\nsetup(name='x', install_requires=REQUIRED)\n",
    "a text of lines": 'setup(install_requires="""\n    numpy\n    »polyaxon-helper==0.5\n""")\n',
    "a repository": (
        "setup(dependency_links=['git+https://github.com/polyaxon/»polyaxon-helper#egg=polyaxon-helper'])\n"),
    "a source that Python can't read": "print 'x'\nsetup(install_requires=['»polyaxon-helper'])\nx = '''\\",
    "old Mac line ends": "import x\rsetup(install_requires=['»polyaxon-helper'])\r",
}


def marked(text: str, message: str) -> Tuple[str, List[Place]]:
    """Give the text without its marks, and the uses that stand behind them."""
    found = []
    lines = text.replace("\r\n", " \n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines, 1):
        before, *rest = line.split("»")
        column = len(before) + 1
        for each in rest:
            found.append(Place(number, column, each[:len("polyaxon-helper")], message))
            column += len(each)
    return text.replace("»", ""), found


def notebook(source: object, kind: str = "code") -> object:
    hidden = {"cell_type": kind, "execution_count": None, "metadata": {"tags": ["source"]}}
    output = {"output_type": "stream", "text": ["import polyaxon_helper\n", "pip install polyaxon-helper"]}
    return {"cells": [
        {"cell_type": "markdown", "source": ["pip install polyaxon-helper\n", "import polyaxon_helper"]},
        dict(hidden, outputs=[output], source=["import os"]),
        dict(hidden, outputs=[output], source=source),
        {"cell_type": "raw", "source": "import polyaxon_helper"},
    ], "nbformat": 4}


@pytest.mark.parametrize("path, text", list(SILENT.values()), ids=list(SILENT))
def test_is_no_use(path: str, text: str) -> None:
    assert uses(path, text.encode(), False, INSTEAD) == []


@pytest.mark.parametrize("path, text", list(USED.values()), ids=list(USED))
def test_installs(path: str, text: str) -> None:
    text, expected = marked(text, IN_PLACE)
    assert GATE.search(text.encode()) and expected
    assert uses(path, text.encode(), False, INSTEAD) == expected
    assert uses(path, text.encode(), True, INSTEAD) == []


@pytest.mark.parametrize("path, text", list(RUNS.values()), ids=list(RUNS))
@pytest.mark.parametrize("keeps", [False, True])
def test_runs(path: str, text: str, keeps: bool) -> None:
    text, expected = marked(text, RUN)
    assert uses(path, text.encode(), keeps, INSTEAD) == expected


@pytest.mark.parametrize("path, text", list(IMPORTS.values()), ids=list(IMPORTS))
@pytest.mark.parametrize("keeps", [False, True])
def test_imports(path: str, text: str, keeps: bool) -> None:
    text, expected = marked(text, IMPORTED)
    assert uses(path, text.encode(), keeps, INSTEAD) == expected


@pytest.mark.parametrize("whole", [False, True], ids=["a list of lines", "one text"])
@pytest.mark.parametrize("indent", [None, 1], ids=["one line", "many lines"])
@pytest.mark.parametrize("source, message", list(CELLS.values()), ids=list(CELLS))
def test_notebook_cell(source: List[str], message: str, indent: object, whole: bool) -> None:
    text, expected = marked(json.dumps(notebook("".join(source) if whole else source), indent=indent,  # type: ignore
                                       ensure_ascii=False), message)
    assert len(expected) == 1
    assert uses("a.ipynb", text.encode(), False, INSTEAD) == expected


def test_old_notebook() -> None:
    cell = {"cell_type": "code", "input": ["import »polyaxon_helper"], "language": "python"}
    text, expected = marked(json.dumps({"worksheets": [{"cells": [cell]}]}, indent=1, ensure_ascii=False), IMPORTED)
    assert uses("a.ipynb", text.encode(), False, INSTEAD) == expected != []


def test_cell_that_is_no_code() -> None:
    text = json.dumps(notebook(["import polyaxon_helper\n", "!pip install polyaxon-helper"], "raw"))
    assert uses("a.ipynb", text.encode(), False, INSTEAD) == []


@pytest.mark.parametrize("text", list(SETUPS.values()), ids=list(SETUPS))
def test_setup(text: str) -> None:
    text, expected = marked(text, IN_PLACE)
    assert setup_uses(text, INSTEAD) == expected


BYTES = {
    "UTF-8 with a byte order mark": (b"\xef\xbb\xbfpolyaxon-helper\n", [(1, 1)]),
    "latin-1": (b"numpy  # caf\xe9 \xe3\x80\npip install \xe9\xe3\x80x polyaxon-helper\n", [(2, 18)]),
    "Windows line ends": (b"numpy\r\npolyaxon-helper\r\n", [(2, 1)]),
    "old Mac line ends": (b"numpy\rpolyaxon-helper\r", [(2, 1)]),
    "other line ends are none": ("# \u2028\x0c\x85\npolyaxon-helper\n".encode(), [(2, 1)]),
    "a column counts characters": ("pip install é polyaxon-helper\n".encode(), [(1, 15)]),
    "UTF-16, as PowerShell writes it": ("numpy\r\npolyaxon-helper\r\n".encode("utf-16"), [(2, 1)]),
    "UTF-16 of big ends": (b"\xfe\xff" + "polyaxon-helper\n".encode("utf-16-be"), [(1, 1)]),
    "UTF-16 that breaks off": ("polyaxon-helper\n".encode("utf-16") + b"x", [(1, 1)]),
    "a binary file": (b"polyaxon-helper\n\0", []),
    "a file just under 1 MB": (b"polyaxon-helper\n".ljust((1 << 20) - 1), [(1, 1)]),
    "a file of 1 MB": (b"polyaxon-helper\n".ljust(1 << 20), []),
}


@pytest.mark.parametrize("raw, expected", list(BYTES.values()), ids=list(BYTES))
def test_bytes(raw: bytes, expected: List[Tuple[int, int]]) -> None:
    assert GATE.search(raw)
    found = uses("requirements.txt", raw, False, INSTEAD)
    assert found == [Place(line, column, "polyaxon-helper", IN_PLACE) for line, column in expected]


@pytest.mark.parametrize("text", ["polyaxon", "helper", "polyaxon helper", "polyaxon-client", "polyaxon\0\0-helper"])
def test_gate_is_shut_for(text: str) -> None:
    assert not GATE.search(text.encode())


LONG = {
    "blanks": " ", "tabs": "\t", "line ends": "\n", "backslashes": "\\", "continued lines": "\\\n",
    "double quotes": '"',
    "single quotes": "'", "escaped quotes": "\\'", "escaped long quotes": '\\"""', "comment signs": "#", "dashes": "-",
    "brackets": "[", "braces": "{}", "versions": "==1", "versions with blanks": "== 1 , ", "one word": "a", "dots": ".",
    "names": "polyaxon-helper ", "names in one word": "/polyaxon-helper", "requirements": "polyaxon-helper\n",
    "imports": "import polyaxon_helper;", "installers": "pip -a ", "keys": "a=\n", "slashes": "/", "semicolons": "; ",
    "mixed quotes": "\"'", "unlike quotes": "\"\"\"'", "list items": "- a: \n", "commas": '","',
    "blanks and commas": " ,",
}


@pytest.mark.slow
@pytest.mark.parametrize("filling", list(LONG.values()), ids=list(LONG))
@pytest.mark.parametrize("start", ["", "polyaxon-helper", "pip install polyaxon-helper ", '"', "'''", "[requires]\n"])
@pytest.mark.parametrize("path", ["a.txt", "a.yml", "a.toml", "a.pyi", "a.ipynb", "setup.py"])
def test_ends_soon_with_a_long(path: str, start: str, filling: str) -> None:
    text = start + filling * (20000 // len(filling)) + "\n!"
    if path == "setup.py":
        setup_uses(text, INSTEAD)
    elif path == "a.ipynb":
        uses(path, '{{"cell_type": "code", "source": "{}"'.format(text).encode(), False, INSTEAD)
    else:
        uses(path, text.encode(), False, INSTEAD)


def test_says_what_to_type() -> None:
    raw = b"pip install polyaxon-helper\n"
    found = uses("a.sh", raw, False, "'polyaxon>=2.7'")
    assert [each.message for each in found] == ["write 'polyaxon>=2.7' in its place, each as a requirement of its own"]
