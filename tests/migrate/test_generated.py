"""Generated modules: never a crash, the same bytes outside, stable, and the names that a slow, obvious oracle finds.

The oracle runs the module with recording stand-ins, before and after: what it shows, reports and raises stays.
"""
import ast
import textwrap
import warnings
from typing import Any, List

from hypothesis import given, strategies as st

from polyaxon_helper.migrate.python import Context, migrate
from polyaxon_helper.migrate.source import Unreadable
from polyaxon_helper.migrate.traceml import Traceml

from . import standin
from .conftest import examples
from .test_traceml import STANDIN

GETTERS = ["get_params", "get_outputs_path", "get_tf_config", "get_job_info", "get_log_level"]
NAMES = GETTERS + ["send_metrics", "experiment", "Experiment", "x", "ph", "polyaxon_helper"]
name = st.sampled_from(NAMES)
getter = st.sampled_from(GETTERS)


@st.composite
def imports(draw: Any) -> str:
    form: str = draw(st.sampled_from([
        "from polyaxon_helper import {a}", "from polyaxon_helper import {a}, {b} as {c}", "import polyaxon_helper",
        "import polyaxon_helper as ph", "from polyaxon_helper import ({a},  # why\n    {b},\n)",
        "import os, polyaxon_helper as ph",
        "import os; from polyaxon_helper import {a} as {c}; x = 1", "from polyaxon_helper import {a} as x",
        "try:\n    from polyaxon_helper import {a}\nexcept ImportError:\n    {a} = None",
        "try: from polyaxon_helper import {a}, {b}\nexcept ImportError: pass"]))
    return form.format(a=draw(st.sampled_from(NAMES[:8])), b=draw(getter), c=draw(name))


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


@st.composite
def statements(draw: Any, depth: int = 0) -> str:
    a, b, e = draw(name), draw(name), draw(expressions)
    simple = [
        "show({e})", "{a} = {e}", "send_metrics(x=1)", "send_metrics(**{{'x': 2}})", "call(send_metrics)", "del {a}",
        "ph.send_metrics(x=3)", "show(send_metrics and 1)", "polyaxon_helper.send_metrics(x=4)", "send_metrics(x={e})"]
    blocks = ["def f({a}={e}):\n{body}\nf()", "def f():\n{body}\nf()", "class A:\n{body}", "for {a} in [1]:\n{body}",
              "try:\n{body}\nexcept ZeroDivisionError as {a}:\n    show(1)", "if {e}:\n{body}\nelse:\n    pass",
              "def f():\n    global {a}\n{body}\nf()"]
    form: str = draw(st.sampled_from(simple + (blocks if depth < 2 else [])))
    body = ""
    if "{body}" in form:
        lines = draw(st.lists(st.one_of(statements(depth=depth + 1), imports()), min_size=1, max_size=3))
        body = textwrap.indent("\n".join(lines), "    ")
    return form.format(a=a, b=b, e=e, body=body)


def compiles(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "x", "exec")
        return True
    except SyntaxError:
        return False


@examples(25)
@given(st.lists(st.one_of(statements(), imports()), min_size=1, max_size=6))
def test_generated_scripts_behave_as_before(parts: List[str]) -> None:
    text = "\n".join(parts) + "\n"
    if not compiles(text):
        return
    result = migrate(text)
    assert migrate(result.text).text == result.text
    for situation in ("managed", "outside"):
        before, after = standin.run(text, situation), standin.run(result.text, situation, lazy=True)
        if "NameError" in before.error or "UnboundLocalError" in before.error:
            continue  # a name used before its import: what takes its place may be there earlier
        if "Error" in before.error or "Error" in after.error:
            # which name is missing, or what has no such attribute, is in the message
            before, after = (each._replace(error=each.error.split(":")[0]) for each in (before, after))
        assert after._replace(made=0) == before._replace(made=0), result.text
        assert after.made <= max(1, before.made), result.text


@examples(25)
@given(st.text(alphabet="abé\u2028\x0c \t\n\"'#\\{}fr", max_size=40), st.sampled_from(["\n", "\r\n", "\r"]))
def test_every_other_byte_stays(noise: str, end: str) -> None:
    text = "from polyaxon_helper import get_params\n{}\nx = get_params()\n".format(noise).replace("\n", end)
    try:
        result = migrate(text)
    except Unreadable:
        return
    new = text.replace("from polyaxon_helper import get_params", "from polyaxon_client.tracking import Experiment", 1)
    assert result.text == new[:new.rindex("get_params")] + "Experiment." + new[new.rindex("get_params"):]


@examples(25)
@given(st.lists(st.one_of(statements(), imports()), min_size=1, max_size=6))
def test_generated_scripts_behave_as_before_on_traceml(parts: List[str]) -> None:
    text = "\n".join(parts) + "\n"
    if not compiles(text) or "as send_metrics" in text:
        return  # a function knows what it is called, and `call` asks
    result = Traceml(text).result(Context())
    assert Traceml(result.text).result(Context()).text == result.text
    before = standin.run(text, "managed", STANDIN)
    after = standin.run(result.text, "managed", STANDIN, lazy=True)
    if "NameError" in before.error or "UnboundLocalError" in before.error:
        return
    if "Error" in before.error or "Error" in after.error:
        before, after = (each._replace(error=each.error.split(":")[0]) for each in (before, after))
    assert after._replace(made=0) == before._replace(made=0), result.text


USES = [
    "send_metrics(x=1)", "show(get_log_level())", "show(0 and get_log_level())", "if 0: send_metrics(y=1)",
    "show([get_log_level() for _ in [1]])", "show([get_log_level() for _ in [1] if 0])",
    "show(get_log_level() if 0 else 1)", "show((lambda: get_log_level())())",
    "show(1 < 2 < len(get_log_level()))", "assert 1, get_log_level()", "continue", "break", "return",
    "raise ValueError", "yield 1"]
BLOCKS = [
    "for i in [1, 2]:\n{}", "for i in get_log_level()[:1]:\n{}", "for i in []:\n    pass\nelse:\n{}",
    "if 0:\n{}", "if 0:\n    pass\nelif get_log_level():\n{}", "if 0:\n    pass\nelse:\n{}",
    "def g():\n{}\ng()", "def g():\n{}",
    "try:\n{}\nexcept ValueError:\n    show('E')\nfinally:\n    show('F')", "class A:\n{}",
    "try:\n    raise ValueError\nexcept ValueError:\n{}", "def g(a=get_log_level()):\n{}\ng()"]


@st.composite
def uses(draw: Any, depth: int = 0) -> str:
    form: str = draw(st.sampled_from(USES + BLOCKS * 2 * (depth < 3)))
    body = draw(st.lists(uses(depth=depth + 1), min_size=1, max_size=3)) if "{}" in form else []
    return form.format(textwrap.indent("\n".join(body), "    "))


def makes_in_loops(text: str) -> List[ast.AST]:
    """Where the run is made in a loop, and not in a function in it."""
    found: List[ast.AST] = []
    work: List[Any] = [each for each in ast.walk(ast.parse(text)) if isinstance(each, (ast.For, ast.While))]
    work = [each for loop in work for each in loop.body]
    while work:
        node = work.pop()
        found += [node] if getattr(node, "attr", "") == "get_or_create_run" else []
        work += () if isinstance(node, ast.FunctionDef) else ast.iter_child_nodes(node)
    return found


@examples(50)
@given(st.lists(uses(), min_size=1, max_size=4), st.booleans())
def test_the_run_is_made_where_it_is_needed_and_only_there(parts: List[str], in_function: bool) -> None:
    text = "\n".join(parts) + "\n"
    text = "def main():\n" + textwrap.indent(text, "    ") + "list(main() or [])\n" if in_function else text
    text = "from polyaxon_helper import get_log_level, send_metrics\n" + text
    if not compiles(text):
        return
    result = Traceml(text).result(Context())
    assert "polyaxon_helper" not in result.text and not makes_in_loops(result.text)
    before = standin.run(text, "managed", STANDIN)
    after = standin.run(result.text, "managed", STANDIN, lazy=True)
    if "UnboundLocalError" in before.error:
        return
    used = any(event == "get_log_level" or event[0] == "metrics" for event in before.events)
    assert after == before._replace(made=int(used)), result.text
