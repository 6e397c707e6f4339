"""Reads a polyaxonfile of Polyaxon 0.x: the commands that a cluster would have run, and what each was given."""
import functools
import importlib
import json
import os
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from ..lending import lent_names
from . import matrix
from .run import Run
from .values import literal, plain

NAMES = ("polyaxonfile.yml", "polyaxon.yml")
SEARCHES = ("grid_search", "random_search", "hyperband", "bo")
LEVELS = ("DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL")
OLDER = (
    ("declarations", "params"), ("matrix", "hptuning.matrix"), ("concurrent_experiments", "hptuning.concurrency"),
    ("settings.concurrent_experiments", "hptuning.concurrency"), ("settings.logging", "logging"),
    ("settings", "hptuning"), ("run.image", "build.image"), ("run.steps", "build.build_steps"),
    ("run.build_steps", "build.build_steps"), ("run.env_vars", "build.env_vars"),
    *(("environment." + framework, "environment.replicas") for framework in ("tensorflow", "mxnet", "pytorch")),
)
"""What older releases wrote, and where it is in the last one."""

ROUNDS, LONGEST = 20, 100000  # how often a text is rendered, and how long it gets, till it is taken to name itself


class Plan(NamedTuple):
    """Holds what is to be run: of a group all its experiments, else one run."""

    runs: List[Run]
    concurrency: int = 1
    notes: Sequence[str] = ()  # a line about each thing that is not as on a cluster


def read(path: str, given: Mapping[str, Any], count: Optional[int]) -> Plan:
    """Read a polyaxonfile, with parameters that win over its own; draw some of a group. Raises OSError, ValueError."""
    data = _moved(_parsed(path))
    tuning, cmd = _section(data, "hptuning"), _section(data, "run").get("cmd")
    kind = data.get("kind") or ("group" if tuning.get("matrix") else "experiment")
    if kind not in ("experiment", "group", "job"):
        raise ValueError("its kind is {!r}: an experiment, a group or a job can run here".format(kind))
    if data.get("version", 1) != 1:
        raise ValueError("its version is {!r}: 1, of Polyaxon 0.x, can run here".format(data["version"]))
    data["run"] = {"cmd": cmd if isinstance(cmd, list) else [cmd]}
    if not cmd or not all(isinstance(each, str) for each in data["run"]["cmd"]):
        raise ValueError("there is no run.cmd, a text or a list of texts, so nothing runs")
    if bool(tuning.get("matrix")) != (kind == "group"):
        raise ValueError("hptuning.matrix and kind: group belong together; it has only one of them")
    inputs = [_section({"inputs": each}, "inputs") for each in data.get("inputs") or []]
    data["inputs"] = {str(each.get("name")): each for each in inputs}
    samples = _samples(tuning, given, count) if kind == "group" else [{}]
    runs = [_made_run(data, each, given)._replace(kind=kind.replace("group", "experiment"), in_group=kind == "group",
                                                  number=number) for number, each in enumerate(samples, 1)]
    known = {*_section(data, "params"), *_section(tuning, "matrix"), *data["inputs"]}
    unknown = ["--param {}: the file has no such parameter".format(name) for name in given if name not in known]
    notes = [*unknown, *_not_given(data, tuning), *_beside(path, str(runs[0].command))]
    return Plan(runs, _count(tuning, "concurrency") or 1, notes)


def _parsed(path: str) -> Dict[str, Any]:
    try:
        yaml: Any = importlib.import_module("yaml")
        _jinja()  # so that it is missed here, not in the middle
    except ImportError:
        raise ValueError("this needs PyYAML and Jinja2: pip install 'polyaxon-helper[local]'") from None
    try:
        with open(path, "rb") as file:
            data = plain(json.loads(json.dumps(yaml.safe_load(file), default=str)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = "line {}, column {}: {}".format(mark.line + 1, mark.column + 1, error.problem) if mark else str(error)
        raise ValueError("it is no YAML: " + " ".join(place.split())) from None
    except (RecursionError, TypeError, LookupError, AttributeError):
        raise ValueError("it is nested too deeply, or a key or a value in it can't be read") from None
    if not isinstance(data, dict):
        raise ValueError("it has no sections, such as `run:`")
    return data


def _moved(data: Dict[str, Any]) -> Dict[str, Any]:
    """Put what an older release wrote to where the last one has it; what is there already stays."""
    for old, new in OLDER:
        section, _, name = old.rpartition(".")
        holder = data.get(section) if section else data
        if isinstance(holder, dict) and name in holder:
            value = holder.pop(name)
            section, _, name = new.rpartition(".")
            target = _section(data, section) if section else data
            data.update({section: target} if section else {})
            there = target.get(name)
            if isinstance(there, dict) and isinstance(value, dict):
                there = {**value, **there}
            target[name] = value if there is None else there
    return data


def _section(data: Mapping[str, Any], name: str) -> Dict[str, Any]:
    section = data.get(name) or {}
    if not isinstance(section, dict):
        raise ValueError("{} has to have parts, such as `name: value`, not {!r}".format(name, section))
    return section


def _count(section: Mapping[str, Any], name: str) -> Optional[int]:
    count = section.get(name)
    if count is not None and not (type(count) is int and 1 <= count <= matrix.MOST):
        raise ValueError("{} has to be a whole number from 1 to {}, not {!r}".format(name, matrix.MOST, count))
    return count


def _samples(tuning: Mapping[str, Any], given: Mapping[str, Any], count: Optional[int]) -> List[Dict[str, Any]]:
    """Give the values of each of a group's experiments."""
    entries = _section(tuning, "matrix").items()
    axes = {name: matrix.axis(name, entry) for name, entry in entries if name not in given}
    older = str(tuning.get("search_method", "grid")).replace("_search", "") + "_search"
    search = next((name for name in SEARCHES if name in tuning), older)
    if count is None:
        count = _count(_section(tuning, search), "n_experiments")
        if search == "grid_search":
            return matrix.grid(axes, count)
        if search != "random_search" or count is None:
            raise ValueError("{} does not run here as it is: --random N runs N experiments at random".format(search))
    return matrix.sample(axes, _count({"--random": count}, "--random") or 1, tuning.get("seed"))


def _made_run(data: Dict[str, Any], sample: Dict[str, Any], given: Mapping[str, Any]) -> Run:
    defaults = {name: each.get("default") for name, each in data["inputs"].items()}
    raw = {**defaults, **sample, **_section(data, "params")}
    params = {**_evaluated(raw, {**raw, **given}), **given}
    for name in [name for name, each in data["inputs"].items() if each.get("is_flag")]:
        params[name] = "--" + name if params[name] else ""
    pairs = _evaluated(_section(data, "build").get("env_vars") or [], params)
    try:
        variables = {str(name): str(value) for name, value in dict(pairs).items()}
    except (TypeError, ValueError):
        raise ValueError("build.env_vars wants pairs, such as [NAME, VALUE]") from None
    level = _evaluated(_section(data, "logging").get("level"), params) or "INFO"
    if level not in LEVELS:
        raise ValueError("logging.level is {!r}, not one of {}".format(level, ", ".join(LEVELS)))
    words = [_rendered(each, params).split() for each in data["run"]["cmd"]]
    # without the backslashes before what were line ends, which a shell would take for arguments
    commands = [" ".join(filter(None, (word.strip("\\") for word in each))) for each in words]
    return Run(" && ".join(commands), params, variables=variables, log_level=level)


@functools.lru_cache(None)
def _jinja() -> Any:
    with lent_names():  # which the client's Jinja2 wants
        return importlib.import_module("jinja2.sandbox").SandboxedEnvironment()


def _rendered(text: str, context: Mapping[str, Any]) -> str:
    before, shown = "", text
    for _ in range(ROUNDS):
        try:
            before, shown = shown, str(_jinja().from_string(shown).render(context))
        except Exception as error:  # whatever an expression leads to
            raise ValueError("{!r} can't be rendered: {}: {}".format(text, type(error).__name__, error)) from None
        if shown == before:
            return shown
        if len(shown) > LONGEST:
            break
    raise ValueError("{!r} names itself".format(text))


def _evaluated(value: Any, context: Mapping[str, Any]) -> Any:
    """Render each text in a value, and read it as a Python literal where it is one."""
    if isinstance(value, dict):
        return {str(_evaluated(key, context)): _evaluated(each, context) for key, each in value.items()}
    if isinstance(value, list):
        return [_evaluated(each, context) for each in value]
    return literal(_rendered(value, context)) if isinstance(value, str) else value


def _not_given(data: Mapping[str, Any], tuning: Mapping[str, Any]) -> Iterator[str]:
    parts = ["{}.{}".format(section, name) for section in ("build", "environment") for name in _section(data, section)]
    left_out = [part for part in parts if part != "build.env_vars"]
    if left_out:
        yield "ignored here, since only a cluster has it: " + ", ".join(left_out)
    if tuning.get("early_stopping"):
        yield "early_stopping is not done here: each experiment runs to its end"


def _beside(path: str, command: str) -> Iterator[str]:
    """Say which file of a command is in the polyaxonfile's folder alone."""
    folder = os.path.dirname(path)
    for word in command.split():
        if word.endswith((".py", ".sh")) and not os.path.exists(word) and os.path.exists(os.path.join(folder, word)):
            yield "{} is in {}, not in the current folder, where the command runs: cd {}".format(word, folder, folder)
