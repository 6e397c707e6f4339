"""A polyaxonfile is read as what a cluster would have run, or refused in a line."""
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

from polyaxon_helper.local import polyaxonfile
from polyaxon_helper.local.polyaxonfile import Plan

from ..processes import CLIENT_IS_0_4, HAS_CLIENT, Process

FILE = "polyaxonfile.yml"
RUN = "version: 1\nkind: experiment\nrun:\n  cmd: python train.py\n"


def read(text: str, given: Optional[Dict[str, Any]] = None, count: Optional[int] = None) -> Plan:
    Path(FILE).write_text(text, encoding="utf-8")
    return polyaxonfile.read(FILE, given or {}, count)


def experiment(cmd: str, more: str = "") -> str:
    return "version: 1\nkind: experiment\n{}\nrun:\n  cmd: {}\n".format(more, cmd)


# (the file's cmd, its other sections, the command)
COMMANDS: List[Any] = [
    pytest.param("python train.py", "", "python train.py", id="as it is"),
    pytest.param("'{not: rendered}'", "", "{not: rendered}", id="braces of its own"),
    pytest.param("python train.py --lr={{ lr }}", "params: {lr: 0.1}", "python train.py --lr=0.1", id="a parameter"),
    pytest.param("x {{ layers[0] }} {{ net.units }}", "params: {layers: [64, 32], net: {units: 8}}", "x 64 8",
                 id="a part of a nested one"),
    pytest.param("x {{ '--flag' if a == b }} end", "params: {a: 1, b: 1}", "x --flag end", id="a condition that holds"),
    pytest.param("x {{ '--flag' if a == b }} end", "params: {a: 1, b: 2}", "x end", id="one that does not"),
    pytest.param("x --lr={{ lr }} end", "", "x --lr= end", id="an unknown name is nothing"),
    pytest.param("x {{ a }}", "params: {a: '{{ b }}', b: '{{ c * 2 }}', c: 3}", "x 6",
                 id="a parameter that names others"),
    pytest.param("x {{ rate|round(1) }}", "params: {rate: 0.25}", "x 0.2", id="a filter"),
    pytest.param("x{% for n in layers %} --n {{ n }}{% endfor %}", "params: {layers: [1, 2]}", "x --n 1 --n 2",
                 id="a loop"),
    pytest.param(">-\n    python train.py\n    --lr 1", "", "python train.py --lr 1", id="a folded text"),
    pytest.param("python train.py \\\n    --lr 1 \\\n    --n 2", "", "python train.py --lr 1 --n 2",
                 id="backslashes before folded lines"),
    pytest.param("|\n    python train.py \\\n      --lr 1\\\n\n", "", "python train.py --lr 1", id="a text of lines"),
    pytest.param("'a  b\t\\c d\\'", "", "a b c d", id="blanks, and backslashes at the ends of words"),
    pytest.param("['python a.py \\', 'python b.py --lr={{ lr }}']", "params: {lr: 1}",
                 "python a.py && python b.py --lr=1", id="a list"),
    pytest.param("echo {{ greeting }}", "params: {greeting: 'grüß dich'}", "echo grüß dich", id="other letters"),
    pytest.param("x {{ verbose }} {{ quiet }}",
                 "inputs: [{name: verbose, type: bool, is_flag: true}, {name: quiet, type: bool, is_flag: true}]\n"
                 "params: {verbose: true, quiet: false}", "x --verbose", id="inputs that are flags"),
    pytest.param("x {{ lr }} {{ n }}", "inputs: [{name: lr, type: float, is_optional: true, default: 0.5},\n"
                 " {name: n, type: int, is_optional: true, default: 3}]\nparams: {n: 4}",
                 "x 0.5 4", id="inputs' defaults"),
]


@pytest.mark.parametrize("cmd, more, command", COMMANDS)
def test_the_command(cmd: str, more: str, command: str) -> None:
    (run,) = read(experiment(cmd, more)).runs
    assert (run.command, run.kind, run.in_group, run.number) == (command, "experiment", False, 1)


# (a value as the file has it, the parameter)
VALUES: List[Any] = [
    pytest.param("1", 1, id="an integer"),
    pytest.param("0.1", 0.1, id="a float"),
    pytest.param("true", True, id="a boolean"),
    pytest.param("null", None, id="null"),
    pytest.param("text", "text", id="a text"),
    pytest.param("''", "", id="an empty text"),
    pytest.param("1e-3", 0.001, id="1e-3, a text in YAML, is a number"),
    pytest.param("'[1, 2]'", [1, 2], id="a text that is a list"),
    pytest.param("' 1e-3'", " 1e-3", id="a blank before a number"),
    pytest.param("'1.10'", 1.1, id="a text that is a number"),
    pytest.param("'0123'", "0123", id="0123 stays a text"),
    pytest.param("'True'", True, id="a text that is True"),
    pytest.param("'(1, 2)'", [1, 2], id="a tuple is a list"),
    pytest.param("'{1, 2}'", "{1, 2}", id="a set stays a text"),
    pytest.param("'\\d'", "\\d", id="an escape of no string"),
    pytest.param("[1e-3, {a: 1e-3}]", [0.001, {"a": 0.001}], id="in lists and dicts"),
    pytest.param("{'{{ name }}': 1}", {"lr": 1}, id="a key"),
    pytest.param("'{{ size * 2 }}'", 256, id="an expression"),
    pytest.param("'{{ nothing }}'", "", id="an unknown name"),
    pytest.param("2018-11-05", "2018-11-05", id="a date is a text"),
    pytest.param("{2: a, yes: b}", {"2": "a", "true": "b"}, id="keys that are no texts"),
]


@pytest.mark.parametrize("text, value", VALUES)
def test_a_value(text: str, value: Any) -> None:
    (run,) = read(experiment("x", "params: {{size: 128, name: lr, it: {}}}".format(text))).runs
    assert run.params == {"size": 128, "name": "lr", "it": value}
    assert json.dumps(run.params["it"]) == json.dumps(value)  # True is no 1


def test_what_is_given_wins_and_is_not_rendered() -> None:
    (run,) = read(experiment("x {{ lr }} {{ twice }}", "params: {lr: 1, twice: '{{ lr * 2 }}'}"),
                  {"lr": 4, "new": "{{ lr }}"}).runs
    assert (run.params, run.command) == ({"lr": 4, "twice": 8, "new": "{{ lr }}"}, "x 4 8")


def test_a_parameter_that_the_file_has_not_is_told() -> None:
    more = "params: {a: 1}\ninputs: [{name: b, type: int, is_optional: true}]\n"
    assert list(read(more + GROUP.format(MATRIX), {"a": 2, "b": 2, "lr": 2, "rl": 2}).notes) == [
        "--param rl: the file has no such parameter"]


def test_what_else_a_run_is_given() -> None:
    more = "params: {lang: de}\nlogging: {level: WARN}\nbuild:\n  env_vars: [[LANG, '{{ lang }}'], [N, 1]]"
    plan = read(experiment("x", more))
    assert (plan.runs[0].variables, plan.runs[0].log_level) == ({"LANG": "de", "N": "1"}, "WARN")
    assert (plan.concurrency, plan.notes) == (1, [])
    assert read(RUN).runs[0].log_level == "INFO"
    assert read(RUN.replace("experiment", "job")).runs[0].kind == "job"


GROUP = "version: 1\nkind: group\nhptuning:\n{}\nrun:\n  cmd: x {{{{ lr }}}} {{{{ loss }}}}\n"
MATRIX = "  matrix: {lr: {values: [1, 2]}, loss: {values: [MSE, MAE]}}\n"
GRID = ["x 1 MSE", "x 1 MAE", "x 2 MSE", "x 2 MAE"]

# (hptuning, what is given, how many at random, the commands)
GROUPS: List[Any] = [
    pytest.param(MATRIX, {}, None, GRID, id="a grid by default"),
    pytest.param(MATRIX + "  grid_search:", {}, None, GRID, id="an empty grid_search"),
    pytest.param(MATRIX + "  grid_search: {n_experiments: 3}", {}, None, GRID[:3], id="a grid's first"),
    pytest.param(MATRIX, {"loss": "MSE"}, None, ["x 1 MSE", "x 2 MSE"], id="one of the matrix is given"),
    pytest.param(MATRIX, {"loss": "MSE", "lr": 3}, None, ["x 3 MSE"], id="all are given"),
    pytest.param("  matrix: {lr: {values: ['1e-3']}}", {}, None, ["x 0.001"], id="a value that is a text"),
    pytest.param("  matrix: {lr: {range: '1:4:1'}}", {}, None, ["x 1", "x 2", "x 3"], id="a range"),
]


@pytest.mark.parametrize("tuning, given, count, commands", GROUPS)
def test_a_group(tuning: str, given: Dict[str, Any], count: Optional[int], commands: List[str]) -> None:
    runs = read(GROUP.format(tuning), given, count).runs
    assert [run.command for run in runs] == commands
    assert [(run.kind, run.in_group, run.number) for run in runs] == [
        ("experiment", True, number) for number in range(1, len(runs) + 1)]


RANDOM: List[Any] = [
    pytest.param("  random_search: {n_experiments: 3}\n  seed: 7", None, 3, id="random_search"),
    pytest.param("  random_search: {n_experiments: 300}\n  seed: 7", None, 4, id="more than there are"),
    pytest.param("  seed: 7", 2, 2, id="a grid, of which some are asked for"),
    pytest.param("  hyperband: {max_iter: 81}\n  seed: 7", 3, 3, id="hyperband"),
    pytest.param("  bo: {n_iterations: 5}\n  seed: 7", 3, 3, id="bo"),
    pytest.param("  search_method: random\n  seed: 7", 3, 3, id="an older release's random search"),
]


@pytest.mark.parametrize("tuning, count, number", RANDOM)
def test_a_group_at_random(tuning: str, count: Optional[int], number: int) -> None:
    text = GROUP.format(MATRIX + tuning)
    commands = [run.command for run in read(text, count=count).runs]
    assert len(set(commands)) == number and set(commands) <= set(GRID)
    assert [run.command for run in read(text, count=count).runs] == commands  # by its seed


def test_params_win_over_the_matrix() -> None:
    text = "params: {lr: 5}\n" + GROUP.format("  matrix: {lr: {values: [1, 2]}}")
    assert [run.command for run in read(text).runs] == ["x 5", "x 5"]


def newer(more: str = "", kind: str = "group") -> str:
    return "kind: {}\n{}\nrun: {{cmd: 'x {{{{ lr }}}}'}}\n".format(kind, more)


LR = "{lr: {values: [1, 2]}}"
# (an older form, what it means)
OLDER: List[Any] = [
    pytest.param("run: {cmd: x}", "version: 1\nkind: experiment\nrun: {cmd: x}", id="no kind and no version"),
    pytest.param("matrix: {}\nrun: {{cmd: 'x {{{{ lr }}}}'}}".format(LR), newer("hptuning: {matrix: %s}" % LR),
                 id="a matrix by itself"),
    pytest.param("settings: {{matrix: {}, concurrency: 3}}\nrun: {{cmd: 'x {{{{ lr }}}}'}}".format(LR),
                 newer("hptuning: {matrix: %s, concurrency: 3}" % LR), id="settings"),
    pytest.param(newer("settings: {concurrent_experiments: 3}\nmatrix: %s" % LR),
                 newer("hptuning: {matrix: %s, concurrency: 3}" % LR), id="concurrent_experiments in settings"),
    pytest.param(newer("concurrent_experiments: 3\nhptuning: {matrix: %s}" % LR),
                 newer("hptuning: {matrix: %s, concurrency: 3}" % LR), id="concurrent_experiments by itself"),
    pytest.param(newer("concurrent_experiments: 3\nhptuning: {matrix: %s, concurrency: 2}" % LR),
                 newer("hptuning: {matrix: %s, concurrency: 2}" % LR), id="the newer of two stays"),
    pytest.param(newer("declarations: {lr: 7}", "experiment"), newer("params: {lr: 7}", "experiment"),
                 id="declarations"),
    pytest.param(newer("declarations: {lr: 7, n: 1}\nparams: {lr: 8}", "experiment"),
                 newer("params: {lr: 8, n: 1}", "experiment"), id="declarations beside params"),
    pytest.param("settings: {logging: {level: DEBUG}}\nrun: {cmd: x}", "logging: {level: DEBUG}\nrun: {cmd: x}",
                 id="logging in settings"),
    pytest.param("run: {cmd: x, image: i, steps: [pip], env_vars: [[A, b]]}",
                 "build: {image: i, build_steps: [pip], env_vars: [[A, b]]}\nrun: {cmd: x}", id="a build in run"),
    pytest.param("run: {cmd: x, build_steps: [pip]}", "build: {build_steps: [pip]}\nrun: {cmd: x}",
                 id="steps' newer name"),
    *(pytest.param("environment: {%s: {n_workers: 2}}\nrun: {cmd: x}" % name,
                   "environment: {replicas: {n_workers: 2}}\nrun: {cmd: x}", id=name)
      for name in ("tensorflow", "mxnet", "pytorch")),
    pytest.param("project: {name: p}\nrun: {cmd: x}", "run: {cmd: x}", id="a project"),
]


@pytest.mark.parametrize("older, new", OLDER)
def test_an_older_form(older: str, new: str) -> None:
    assert read(older) == read(new)


NOTES: List[Any] = [
    pytest.param(RUN, [], id="nothing"),
    pytest.param(RUN + "build: {image: i, env_vars: [[A, b]], build_steps: [pip]}\nenvironment: {resources: {gpu: 1}}",
                 ["ignored here, since only a cluster has it: build.image, build.build_steps, environment.resources"],
                 id="what a cluster gives"),
    pytest.param(GROUP.format(MATRIX + "  early_stopping: [{metric: loss, value: 0.1, optimization: minimize}]"),
                 ["early_stopping is not done here: each experiment runs to its end"], id="early_stopping"),
]


@pytest.mark.parametrize("text, notes", NOTES)
def test_what_is_told(text: str, notes: List[str]) -> None:
    assert list(read(text).notes) == notes


def test_a_script_beside_the_file_alone_is_told(own_folder: Path) -> None:
    folder = own_folder / "project"
    folder.mkdir()
    path = folder / FILE
    path.write_text(RUN)
    assert list(polyaxonfile.read(str(path), {}, None).notes) == []
    (folder / "train.py").write_text("")
    assert list(polyaxonfile.read("project/" + FILE, {}, None).notes) == [
        "train.py is in project, not in the current folder, where the command runs: cd project"]
    (own_folder / "train.py").write_text("")
    assert list(polyaxonfile.read("project/" + FILE, {}, None).notes) == []


REFUSED: List[Any] = [
    pytest.param("", "it has no sections", id="an empty file"),
    pytest.param("- a", "it has no sections", id="a list"),
    pytest.param("a: [", "it is no YAML: line 1, column 5: ", id="no YAML"),
    pytest.param("a: \0", "it is no YAML: ", id="a NUL"),
    pytest.param("a: 1\n---\nb: 2", "it is no YAML: ", id="two documents"),
    pytest.param("a: !!python/object/apply:os.system [exit]", "it is no YAML: ", id="an object of Python's"),
    pytest.param("a: !!int ''", "a key or a value in it can't be read", id="no integer"),
    pytest.param("? [1]\n: 2", "it is no YAML: line 1, column 3: ", id="a list for a key"),
    pytest.param("a: &a [*a]", "Circular reference detected", id="a list in itself"),
    pytest.param("a: " + "[" * 3000 + "]" * 3000, "it is nested too deeply", id="a deep list"),
    pytest.param("a: .inf", "a number in it is not finite", id="an infinity"),
    *(pytest.param("kind: %s\nrun: {cmd: x}" % kind, "its kind is '%s': an experiment, a group or a job can run" % kind,
                   id="a " + kind) for kind in ("notebook", "tensorboard", "build", "plugin", "pipeline")),
    pytest.param("version: 1.1\nkind: component\nrun: {cmd: x}", "its kind is 'component'",
                 id="a file of Polyaxon 1.x"),
    pytest.param("version: 2\nrun: {cmd: x}", "its version is 2: 1, of Polyaxon 0.x, can run here",
                 id="another version"),
    pytest.param("kind: experiment", "there is no run.cmd", id="no run"),
    pytest.param("run: {image: x}", "there is no run.cmd", id="no cmd"),
    pytest.param("run: {cmd: [x, 1]}", "there is no run.cmd, a text or a list of texts", id="a cmd that is no text"),
    pytest.param("run: x", "run has to have parts", id="a run that is a text"),
    pytest.param("params: [1]\nrun: {cmd: x}", "params has to have parts", id="parameters that are a list"),
    pytest.param(RUN + "logging: {level: LOUD}", "logging.level is 'LOUD', not one of DEBUG", id="a log level"),
    pytest.param(RUN + "build: {env_vars: [A]}", "build.env_vars wants pairs, such as [NAME, VALUE]", id="no pairs"),
    pytest.param(experiment("x {{ a.b.c }}"), "'x {{ a.b.c }}' can't be rendered: ", id="an attribute of nothing"),
    pytest.param(experiment("x {{ a"), "'x {{ a' can't be rendered: ", id="no Jinja"),
    pytest.param(experiment("x {{ 1 / 0 }}"), "'x {{ 1 / 0 }}' can't be rendered: ", id="a division by 0"),
    pytest.param(experiment("x {{ ''.__class__.__mro__ }}"), "can't be rendered: ", id="Python's insides"),
    pytest.param(experiment("x", "params: {a: '{{ a }} more'}"), "'{{ a }} more' names itself", id="a name in itself"),
    pytest.param(experiment("x", "params: {a: '{{ a }}{{ a }}{{ a }}'}"), "names itself", id="a name in itself, often"),
    pytest.param(experiment("x", "params: {a: '1e999'}"), "a number in it is not finite", id="a text beyond a double"),
    pytest.param("kind: group\nrun: {cmd: x}", "hptuning.matrix and kind: group belong together",
                 id="a group of nothing"),
    pytest.param("kind: experiment\nmatrix: %s\nrun: {cmd: x}" % LR, "hptuning.matrix and kind: group belong together",
                 id="an experiment with a matrix"),
    pytest.param(GROUP.format(MATRIX + "  concurrency: two"),
                 "concurrency has to be a whole number from 1 to 100000, not 'two'", id="a concurrency in words"),
    pytest.param(GROUP.format(MATRIX + "  random_search: {n_experiments: 0}"), "n_experiments has to be a whole number",
                 id="no experiments"),
    *(pytest.param(GROUP.format(MATRIX + "  {}: {{}}".format(name)),
                   name + " does not run here as it is: --random N runs N experiments at random", id=name)
      for name in ("hyperband", "bo")),
    pytest.param(GROUP.format(MATRIX + "  random_search:"),
                 "random_search does not run here as it is: --random N", id="how many is not said"),
    pytest.param(GROUP.format("  matrix: {lr: {uniform: '0:1'}}"), "matrix: lr: ", id="a grid of a distribution"),
    pytest.param(GROUP.format("  matrix: {lr: {values: 3}}"), "matrix: lr: ", id="values that are no list"),
]


@pytest.mark.parametrize("text, message", REFUSED)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        read(text)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


# Reads files given as JSON with the platform's own parser, and prints what it makes of each
THEIRS = """
import itertools, json, sys
from polyaxon_schemas.ops.run.cmd import get_container_command_args
from polyaxon_schemas.specs.experiment import ExperimentSpecification
from polyaxon_schemas.specs.group import GroupSpecification
made = []
for text in json.load(sys.stdin):
    if "kind: group" in text:
        group = GroupSpecification.read(text)
        axes = [axis.to_numpy() for axis in group.matrix.values()]
        specs = [group.get_experiment_spec(dict(zip(group.matrix, values))) for values in itertools.product(*axes)]
    else:
        specs = [ExperimentSpecification.read(text)]
    for spec in specs:
        spec.apply_context()
    made.append([[spec.params or {}, get_container_command_args(spec.config.run)[1][0]] for spec in specs])
print(json.dumps(made, default=str))
"""


@pytest.mark.slow
@pytest.mark.skipif(not HAS_CLIENT or CLIENT_IS_0_4 or sys.version_info >= (3, 8), reason="its parser is not here")
def test_the_platforms_parser_makes_the_same_of_them(python: Process) -> None:
    texts = [experiment(*case.values[:2]) for case in COMMANDS]
    texts += [experiment("x", "params: {{size: 128, name: lr, it: {}}}".format(case.values[0])) for case in VALUES
              if case.id != "a date is a text"]  # which the platform loses
    texts += [GROUP.format(case.values[0]) for case in GROUPS if case.values[1:3] == ({}, None)
              and "grid_search" not in case.values[0]]
    process = python("-W", "ignore", "-c", THEIRS, backend="client", input=json.dumps(texts))
    assert process.returncode == 0, process.stderr
    made = [[[run.params, run.command] for run in read(text).runs] for text in texts]
    assert json.loads(process.stdout) == made
