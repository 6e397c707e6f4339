"""Generated modules: never a Surprise, the same bytes outside, stable, and the same behaviour as before.

A script and a module beside it run with recording stand-ins, before and after: what they show, report and raise stays.
"""
import textwrap
import warnings
from typing import Any, Dict, List

import pytest
from hypothesis import given, strategies as st

from polyaxon_helper.migrate.python import Unreadable, leaving, read
from polyaxon_helper.migrate.python.taken import taken
from polyaxon_helper.replacements import TRACEML, Target

from . import standin
from .conftest import examples
from .rows import ALL, PYTHON_3_9, PYTHON_3_11, move

GETTERS = ["get_params", "get_outputs_path", "get_tf_config", "get_job_info", "get_log_level", "get_data_paths",
           "get_data_path"]
NAMES = GETTERS + ["send_metrics", "experiment", "Experiment", "x", "ph", "polyaxon_helper", "get_experiment",
                   "tracking"]
ALIASES = ["x", "log", "experiment", "Experiment", "get_experiment", "tracking"]
IMPORTS = [
    "from polyaxon_helper import {a}", "from polyaxon_helper import {a}, {b} as {c}", "import polyaxon_helper",
    "import polyaxon_helper as ph", "from polyaxon_helper import ({a},  # why\n    {b},\n)",
    "import os, polyaxon_helper as ph", "import os; from polyaxon_helper import {a} as {c}; x = 1",
    "from polyaxon_helper import {a} as x",
    "from polyaxon_helper import {a}\nfrom os import sep\nimport polyaxon_helper",
    "from polyaxon_client.tracking import Experiment"]
GUARDS = [
    "try:\n    from polyaxon_helper import {a}\nexcept ImportError:\n    {a} = None",
    "try:\n    from polyaxon_helper import {a}, {b}\n    x = 1\nexcept ImportError:\n    x = None",
    "try:\n    import polyaxon_helper\nexcept Exception:\n    show(0)\nelse:\n    from polyaxon_helper import {a}",
    "try: from polyaxon_helper import {a}, {b}\nexcept ImportError: pass",
    "try:\n    from polyaxon_helper import send_metrics\nexcept ImportError:\n    def send_metrics(**kw): show(kw)",
    "if show:\n    from polyaxon_helper import {a}\nelse:\n    from polyaxon_helper import {b} as {a}"]
name, getter = st.sampled_from(NAMES), st.sampled_from(GETTERS)


@st.composite
def imports(draw: Any) -> str:
    form: str = draw(st.sampled_from(IMPORTS + GUARDS))
    return form.format(a=draw(st.sampled_from(NAMES[:10])), b=draw(getter), c=draw(st.sampled_from(ALIASES)))


expressions = st.recursive(
    st.one_of(name, getter.map("{}()".format), getter.map("ph.{}()".format), getter.map("polyaxon_helper.{}()".format),
              getter.map("polyaxon_helper.{}".format)),
    lambda inner: st.one_of(
        inner.map("show({})".format), inner.map("(lambda: {})()".format), inner.map("f'a{{({}) is None}}b'".format),
        st.tuples(name, inner).map(lambda pair: "[{0} for {0} in [{1}]]".format(*pair)),
        st.tuples(name, inner).map(lambda pair: "(lambda {0}: {0})({1})".format(*pair)),
        st.tuples(inner, inner).map(lambda pair: "({} if {} else 0)".format(*pair)),
        st.tuples(name, inner).map(lambda pair: "dict({}={})".format(*pair))),
    max_leaves=4)

SIMPLE = ["show({e})", "{a} = {e}", "send_metrics(x=1)", "send_metrics(**{{'x': 2}})", "call(send_metrics)", "del {a}",
          "ph.send_metrics(x=3)", "show(send_metrics and 1)", "polyaxon_helper.send_metrics(x=4)",
          "send_metrics(x={e})",
          "experiment.log_metrics(x=5)", "x = Experiment()", "x.log_metrics(x=6)", "import utils\nutils.log(x=7)",
          "from utils import send_metrics\nsend_metrics(x=8)"]
BLOCKS = ["def f({a}={e}):\n{body}\nf()", "def f():\n{body}\nf()", "class A:\n{body}", "for {a} in [1]:\n{body}",
          "try:\n{body}\nexcept ZeroDivisionError as {a}:\n    show(1)", "if {e}:\n{body}\nelse:\n{body}",
          "def f():\n    global {a}\n{body}\nf()", "while show:\n{body}\n    break\nelse:\n    pass",
          "def f():\n    def g():\n{inner}\n    g()\nf()"]


@st.composite
def statements(draw: Any, depth: int = 0) -> str:
    form: str = draw(st.sampled_from(SIMPLE + (BLOCKS if depth < 2 else [])))
    body = ""
    if "{" in form and ("{body}" in form or "{inner}" in form):
        lines = draw(st.lists(st.one_of(statements(depth=depth + 1), imports()), min_size=1, max_size=3))
        body = textwrap.indent("\n".join(lines), "    ")
    return form.format(a=draw(name), b=draw(name), e=draw(expressions), body=body, inner=textwrap.indent(body, "    "))


UTILS = "{}\n\n\ndef log(**metrics):\n    send_metrics(**metrics)\n"
MODULES = st.sampled_from(["", UTILS.format("from polyaxon_helper import send_metrics"),
                           UTILS.format("import polyaxon_helper\nsend_metrics = polyaxon_helper.send_metrics")])


def compiles(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "x", "exec")
        return True
    except SyntaxError:
        return False


def moved(texts: Dict[str, str], target: Target) -> Dict[str, str]:
    """Move a project, as a run over its files does."""
    modules = {path: read(text, target) for path, text in texts.items()}
    left = taken({path: leaving(module, target, ALL) for path, module in modules.items()},
                 [(path, text.encode()) for path, text in texts.items()])
    found = {}
    for path, text in texts.items():
        found[path] = move(text, target, taken=left.get(path, frozenset())).text
        assert move(found[path], target, taken=left.get(path, frozenset())).text == found[path]
    return found


def same(before: standin.Outcome, after: standin.Outcome) -> bool:
    if "NameError" in before.error or "UnboundLocalError" in before.error:
        return True  # a name used before its import: what takes its place may be there earlier
    if "Error" in before.error and "Error" in after.error:  # which name is missing is in the message
        before, after = (each._replace(error=each.error.split(":")[0]) for each in (before, after))
    return not standin.differs(before, after)


@pytest.mark.parametrize("target, situation", [
    (PYTHON_3_9, "managed"), (PYTHON_3_9, "outside"), (PYTHON_3_9, "missing"), (PYTHON_3_11, "not importable"),
    (TRACEML, "managed")], ids=["client", "outside", "missing", "not importable", "traceml"])
@examples(25)
@given(st.lists(st.one_of(statements(), imports()), min_size=1, max_size=6), MODULES)
def test_generated_scripts_behave_as_before(target: Target, situation: str, parts: List[str], utils: str) -> None:
    text = "\n".join(parts) + "\n"
    if not compiles(text):
        return
    new = moved({"script.py": text, "utils.py": utils}, target)
    beside = standin.TRACEML if target is TRACEML else {}
    before = standin.run(text, situation, {**beside, "utils": utils})
    after = standin.run(new["script.py"], situation, {**beside, "utils": new["utils.py"]}, lazy=True)
    if situation == "missing" and "ImportError" in before.error:
        return  # what is not used is not imported any more, and fails no more
    assert same(before, after), (new["script.py"], before, after)


@examples(25)
@given(st.text(alphabet="abé\u2028\x0c \t\n\"'#\\{}fr", max_size=40), st.sampled_from(["\n", "\r\n", "\r"]))
def test_every_other_byte_stays(noise: str, end: str) -> None:
    text = "from polyaxon_helper import get_params\n{}\nx = get_params()\n".format(noise).replace("\n", end)
    try:
        result = move(text)
    except Unreadable:
        return
    new = text.replace("from polyaxon_helper import get_params", "from polyaxon_client.tracking import Experiment", 1)
    assert result.text == new[:new.rindex("get_params")] + "Experiment." + new[new.rindex("get_params"):]
