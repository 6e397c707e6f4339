"""A group's matrix: which values it has, how they are combined and drawn, and that all this is Polyaxon 0.6.1's."""
import importlib.util
import json
import math
import statistics
import sys
from random import Random
from reprlib import repr as shown
from typing import Any, Dict, Iterator, List

import pytest

from polyaxon_helper.local.matrix import SPACES, WANTED, Axis, axis, grid, sample

from ..processes import Process

DISTRIBUTIONS = sorted(set(WANTED) - {"values", "pvalues", *SPACES})
needs_schemas = pytest.mark.skipif(
    sys.version_info[:2] != (3, 7) or not importlib.util.find_spec("polyaxon_schemas"),
    reason="numpy 1.21 with polyaxon-schemas, which needs Python 3.7",
)


def axes(matrix: Dict[str, Any]) -> Dict[str, Axis]:
    return {name: axis(name, spec) for name, spec in matrix.items()}


VALUES: List[Any] = [
    pytest.param({"values": [1, 0.5, "a", True, [1], {"a": 1}]}, [1, 0.5, "a", True, [1], {"a": 1}], id="any"),
    pytest.param({"values": ["1e-3", "{{ a }}", "[1]"]}, ["1e-3", "{{ a }}", "[1]"], id="a text stays a text"),
    pytest.param({"values": [1, 1]}, [1, 1], id="a value twice"),
    pytest.param({"values": [(1, 2), {1: 2}]}, [[1, 2], {"1": 2}], id="what JSON makes of a value"),
    pytest.param({"range": "1:10:3"}, [1, 4, 7], id="range, a text"),
    pytest.param({"range": [1, 10, 3]}, [1, 4, 7], id="range, a list"),
    pytest.param({"range": ["1", "10", 3]}, [1, 4, 7], id="range, a list with texts"),
    pytest.param({"range": {"stop": 10, "step": 3, "start": 1}}, [1, 4, 7], id="range, a dict in any order"),
    pytest.param({"range": "0:2.5:1"}, [0.0, 1.0, 2.0], id="range, floats where one is"),
    pytest.param({"range": "-1e0:+1:1 "}, [-1.0, 0.0], id="range, signs, exponents and a blank"),
    pytest.param({"linspace": "0:1:3"}, [0.0, 0.5, 1.0], id="linspace"),
    pytest.param({"linspace": "0:1:1"}, [0.0], id="linspace of one"),
    pytest.param({"logspace": "-1:1:3"}, [0.1, 1.0, 10.0], id="logspace"),
    pytest.param({"logspace": "0:2:3:2"}, [1.0, 2.0, 4.0], id="logspace with a base"),
    pytest.param({"geomspace": "1:9:3"}, [1.0, 3.0, 9.0], id="geomspace"),
    pytest.param({"geomspace": [-4, -1, 3]}, [-4.0, -2.0, -1.0], id="geomspace below 0"),
    pytest.param({"geomspace": [2, 3, 1]}, [2.0], id="geomspace of one"),
]


@pytest.mark.parametrize("spec, values", VALUES)
def test_a_grid_has_all_values(spec: Dict[str, Any], values: List[Any]) -> None:
    assert json.dumps(grid(axes({"a": spec}))) == json.dumps([{"a": value} for value in values])  # 1 is not 1.0


deep: List[Any] = []
for _ in range(100000):
    deep = [deep]

REFUSED: List[Any] = [
    ("values", []), ("values", "abc"), ("values", None), ("values", [{1}]), ("values", [b"a"]), ("values", [1j]),
    ("values", [math.inf]), ("values", [math.nan]), ("values", deep),
    ("pvalues", []), ("pvalues", "ab"), ("pvalues", {"a": 0.1}), ("pvalues", ["('c', 0.2)"]), ("pvalues", [["a", 0]]),
    ("pvalues", [["a", 1.0]]), ("pvalues", [["a", "0.1"]]), ("pvalues", [["a", 0.6], ["b", 0.6]]), ("pvalues", [1]),
    ("range", "1:1:1"), ("range", "2:1:-1"), ("range", "1:2:0"), ("range", "1:2:-1"), ("range", "0:1:1:1"),
    ("range", "0:1000000000000:1"), ("linspace", [0, 1, 10 ** 9]), ("linspace", "2:1:3"), ("linspace", "0:1:2.5"),
    ("linspace", "0:1:0"), ("linspace", "0:1:1:10"), ("logspace", "0:400:3"), ("logspace", "-1:1:3:0"),
    ("logspace", "0:1:3:-2"), ("geomspace", "0:1:3"), ("geomspace", "-1:1:3"),
    *[("uniform", text + ":1") for text in ("a", "inf", "1e999", "01", "(" * 9999, "0:1:1")],
    *[("uniform", [value, 1]) for value in (None, True, math.inf, math.nan, 10 ** 400, b"1", [1], deep)],
    *[("quniform", given) for given in (None, 1, "", "0:1", "0:1:1:1:1", "0:1:0", [0, 1], {"low": 0, "high": 1})],
    ("quniform", {"low": 0, "high": 1, "q": 1, "r": 1}), ("uniform", "-1e308:1e308"), ("normal", "0:-1"),
    ("loguniform", "0:710"), ("lognormal", "0:100"), ("qnormal", "1e300:1:1e-300"),
]


def refusal(matrix: Any) -> str:
    with pytest.raises(ValueError) as caught:
        axes(matrix)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 400
    return text


@pytest.mark.parametrize("kind, given", REFUSED, ids=shown)
def test_what_is_refused_is_one_line(kind: str, given: Any) -> None:
    assert refusal({"a": {kind: given}}).startswith("matrix: a: {} wants {}".format(kind, WANTED[kind]))


def test_a_refusal_says_what_is_wanted() -> None:
    assert refusal({"lr": {"uniform": "a:1"}}) == "matrix: lr: uniform wants low:high, not 'a:1'"
    assert refusal({"lr": {"range": "0:1e9:1"}}) == (
        "matrix: lr: range wants start:stop:step, upwards, for at most 100000 numbers, not '0:1e9:1'")


@pytest.mark.parametrize("spec", [None, [1], "1:2", {}, {"rang": "1:2:1"}, {1: 2}, {"values": [1], "range": "1:2:1"}])
def test_an_entry_is_one_kind(spec: Any) -> None:
    assert refusal({"a": spec}).startswith("matrix: a: one of values, pvalues, range, linspace, ")


TWO = axes({"a": {"values": [1, 2]}, "b": {"range": "3:5:1"}})
HUGE = axes({name: {"linspace": [0, 1, 1000]} for name in "abc"})
DRAWN = axes({
    "v": {"values": ["a", "b"]}, "p": {"pvalues": [("c", 0.2), ["d", 0.3], ["e", 0.0], ["f", 0.5]]},
    **{kind: {kind: [1, 2, 0.5][:WANTED[kind].count(":") + 1]} for kind in DISTRIBUTIONS}
})


def test_a_grid_is_in_the_files_order_and_may_be_cut() -> None:
    every = [{"a": 1, "b": 3}, {"a": 1, "b": 4}, {"a": 2, "b": 3}, {"a": 2, "b": 4}]
    assert (grid(TWO), grid(TWO, 3), grid(TWO, 10 ** 9)) == (every, every[:3], every)


def test_a_huge_space_is_only_cut_or_drawn_from() -> None:
    assert grid(HUGE, 2) == [{"a": 0.0, "b": 0.0, "c": 0.0}, {"a": 0.0, "b": 0.0, "c": 1 / 999}]
    assert len(sample(HUGE, 10, 1)) == 10
    with pytest.raises(ValueError, match="^matrix: a grid of more than 100000 experiments; n_experiments "):
        grid(HUGE)


@pytest.mark.parametrize("name", sorted(set(DRAWN) - {"v"}))
def test_a_grid_has_no_distribution(name: str) -> None:
    message = "^matrix: {}: a grid can't have a distribution; --random N draws from it$".format(name)
    with pytest.raises(ValueError, match=message):
        grid({"v": DRAWN["v"], name: DRAWN[name]}, 1)


ENDS: List[Any] = [
    pytest.param({"a": {"values": [1, 2, 3]}, "b": {"range": "0:4:1"}}, 12, id="all combinations"),
    pytest.param({"a": {"values": [1, 1, 2, 1]}}, 2, id="a value twice"),
    pytest.param({"a": {"pvalues": [["a", 0.1], ["b", 0.0], ["c", 0.5]]}}, 2, id="what is never drawn"),
    pytest.param({"a": {"values": [1] * 99999 + [2]}}, 2, id="what is hardly ever drawn"),
    pytest.param({"a": {"uniform": "1:1"}}, 1, id="a distribution of one value"),
    pytest.param({"a": {"quniform": "0:1:0.5"}, "b": {"values": [1, 2]}}, 4, id="a distribution of few values"),
]


@pytest.mark.parametrize("matrix, number", ENDS)
def test_a_random_search_ends_with_all_there_are(matrix: Any, number: int) -> None:
    assert len(sample(axes(matrix), 100, 1)) == len(set(map(str, sample(axes(matrix), 100, 1)))) == number


SEEDED = {
    "lognormal": 4.468751289109204, "loguniform": 3.490892904666013, "normal": 1.2905181981471592, "qlognormal": 1.5,
    "qloguniform": 3.0, "qnormal": -3.0, "quniform": 1.5, "uniform": 1.3347517998620884,
}


def test_a_seed_gives_the_same_on_every_python() -> None:
    one = sample(DRAWN, 2, 3)[1]
    assert (one.pop("v"), one.pop("p")) == ("b", "d") and one == pytest.approx(SEEDED)
    assert sample(DRAWN, 20, 3) == sample(DRAWN, 20, 3) != sample(DRAWN, 20, 4)
    assert sample(DRAWN, 20, None) != sample(DRAWN, 20, None)


# Answers each entry with all the values that polyaxon-schemas gives it; or what it draws with Python's generator, and
# mean and spread of what it draws with numpy's; or nothing, where it refuses the entry
THEIRS = """
import json, math, random, sys, numpy
from polyaxon_schemas.ops.group.matrix import MatrixConfig
class Generator:
    def __init__(self):
        self.random = random.Random(5)
    def uniform(self, low, high, size): return self.random.uniform(low, high)
    def normal(self, loc, scale, size): return self.random.gauss(loc, scale)
    def lognormal(self, mean, sigma, size): return math.exp(self.random.gauss(mean, sigma))
def answer(entry):
    try:
        config = MatrixConfig.from_dict(entry)
        if not config.is_distribution:
            return [value.item() if hasattr(value, "item") else value for value in config.to_numpy()]
        draws, generator = config.sample(size=2000, rand_generator=numpy.random.RandomState(5)), Generator()
        exact = [] if "pvalues" in entry else [float(config.sample(rand_generator=generator)) for _ in range(20)]
        return [exact, float(numpy.mean(draws)), float(numpy.std(draws))]
    except Exception:
        return None
json.dump([answer(entry) for entry in json.load(sys.stdin)], sys.stdout)
"""


def ours(entry: Dict[str, Any]) -> Any:
    try:
        (values, draw), = axes({"a": entry}).values()
    except ValueError:
        return None
    generator, (kind, *_) = Random(5), entry
    draws = [draw(generator) for _ in range(2000 if kind in ("pvalues", *DISTRIBUTIONS) else 0)]
    return [draws[:20 * (kind in DISTRIBUTIONS)], statistics.mean(draws), statistics.pstdev(draws)] if draws else values


def entries() -> Iterator[Dict[str, Any]]:
    """Give random numbers, in each notation."""
    random = Random(1)
    for kind in [*SPACES] * 100 + DISTRIBUTIONS * 10:
        start, more, q = [random.choice([random.randint(1, 5), round(random.uniform(0.6, 3), 3)]) for _ in "123"]
        start *= random.choice([1, -9 if kind in SPACES else -1])  # as geomspace ends on the side where it begins
        third = random.randint(1, 30) if WANTED[kind].endswith("num") else q / 4
        keys = WANTED[kind].split(":") + ["base"] * (kind == "logspace" and random.random() < 0.5)
        pairs = list(zip(keys, [start, start + more if kind in SPACES else more / 3, third, q + 1]))
        for given in (":".join(str(value) for _, value in pairs), [value for _, value in pairs], dict(pairs)):
            yield {kind: given}


BOTH = [parameters.values[0] for parameters in VALUES] + [{kind: given} for kind, given in (
    ("uniform", "1:0"), ("uniform", "1:1"), ("uniform", "0"), ("uniform", "0:1:2:3"),
    ("uniform", {"loc": 0, "scale": 1}), ("normal", {"low": 0, "high": 1}), ("normal", "0:0"), ("lognormal", "0:-1"),
    ("qnormal", "0:1:-0.5"), ("qnormal", "0:1"), ("quniform", "inf:1:1"),
    ("pvalues", [[1, 0.2], [2, 0.3], [5, 0.1]]), ("pvalues", [[1, 0.0], [2, 0.3]]),
    *[row for row in REFUSED if row[0] in ("pvalues", "linspace", "range", "quniform") and "000" not in str(row)])]


@needs_schemas
def test_polyaxon_gives_the_same(python: Process) -> None:
    cases = [*BOTH, *entries()]
    process = python("-c", THEIRS, input=json.dumps(cases))
    assert process.returncode == 0, process.stderr
    for case, theirs in zip(cases, json.loads(process.stdout)):
        mine, theirs = ours(case), theirs or None  # a range without values is refused here
        if theirs is None or mine is None or not set(case) <= {*DISTRIBUTIONS, "pvalues"}:
            assert (case, json.dumps(mine)) == (case, json.dumps(theirs))
        elif "qlognormal" not in case:  # theirs ignores q
            (exact, mean, spread), (their_exact, their_mean, their_spread) = mine, theirs
            assert (case, exact) == (case, pytest.approx(their_exact, rel=1e-12))
            assert (case, mean) == (case, pytest.approx(their_mean, abs=0.1 * their_spread + 1e-9))
            assert (case, spread) == (case, pytest.approx(their_spread, rel=0.3, abs=1e-9))
