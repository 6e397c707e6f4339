"""Combines the values of a matrix, those of polyaxon-schemas 0.6.1 with numpy 1.21, in order or at random."""
import ast
import itertools
import json
import math
from random import Random
from reprlib import repr as shown
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional

from .values import plain

MOST = 100000  # values of a parameter, and experiments of a group


class Axis(NamedTuple):
    """Holds what one parameter of a matrix may be."""

    values: List[Any]  # those of a grid; none of what can only be drawn
    draw: Callable[[Random], Any]


def _range(start: float, stop: float, step: float) -> Iterable[float]:
    exact = type(start + stop + step)  # float where one of them is
    between = start + step - start  # of floats this is not quite the step
    return (exact(start + i * between) for i in range(math.ceil((stop - start) / step)))


def _linspace(start: float, stop: float, num: int) -> Iterable[float]:
    step = (stop - start) / max(num - 1, 1)
    return (float(stop) if i == num - 1 > 0 else start + i * step for i in range(num))


def _logspace(start: float, stop: float, num: int, base: float = 10) -> Iterable[float]:
    return (float(base) ** exponent for exponent in _linspace(start, stop, num))


def _geomspace(start: float, stop: float, num: int) -> Iterable[float]:
    sign, ends = math.copysign(1, start), {num - 1: float(stop), 0: float(start)}
    powers = _logspace(math.log10(start * sign), math.log10(stop * sign), num)
    return (ends.get(i, sign * power) for i, power in enumerate(powers))


SPACES: Dict[str, Callable[..., Iterable[float]]] = {
    "range": _range, "linspace": _linspace, "logspace": _logspace, "geomspace": _geomspace,
}
WANTED = {
    "values": "a list of what JSON can hold", "pvalues": "pairs such as [a, 0.2], with 1.0 in all at most",
    "range": "start:stop:step", **dict.fromkeys(["linspace", "logspace", "geomspace"], "start:stop:num"),
    "uniform": "low:high", "quniform": "low:high:q", "loguniform": "low:high", "qloguniform": "low:high:q",
    "normal": "loc:scale", "qnormal": "loc:scale:q", "lognormal": "loc:scale", "qlognormal": "loc:scale:q",
}


def axis(name: str, spec: Any) -> Axis:
    """Read a parameter of a matrix, such as {"values": [0.1, 0.2]} or {"uniform": "0:1"}. Raises ValueError."""
    if not isinstance(spec, dict) or len(spec) != 1 or not set(spec) < set(WANTED):
        raise ValueError("matrix: {}: one of {} is wanted, not {}".format(name, ", ".join(WANTED), shown(spec)))
    (kind, given), = spec.items()
    try:
        if kind in SPACES:
            return _choice(list(itertools.islice(SPACES[kind](**_numbers(kind, given)), MOST + 1)))
        if kind in ("values", "pvalues"):
            return _choice(given) if kind == "values" else _weighted(given)
        return _distribution(kind, **_numbers(kind, given))
    except (ArithmeticError, RecursionError, SyntaxError, TypeError, ValueError):
        wanted = WANTED[kind] + ", upwards, for at most {} numbers".format(MOST) * (kind in SPACES)
        raise ValueError("matrix: {}: {} wants {}, not {}".format(name, kind, wanted, shown(given))) from None


def _numbers(kind: str, given: Any) -> Dict[str, Any]:
    """Read "1:10:2", [1, 10, 2] or {"start": 1, "stop": 10, "step": 2}."""
    wanted = WANTED[kind].split(":")
    keys = wanted + ["base"] * (kind == "logspace")
    parts = given.split(":") if isinstance(given, str) else given
    if isinstance(parts, list) and len(parts) <= len(keys):
        parts = dict(zip(keys, parts))
    if not isinstance(parts, dict) or not set(wanted) <= set(parts) <= set(keys):
        raise ValueError
    if not all(type(each) in (int, float, str) and math.isfinite(float(each)) for each in parts.values()):
        raise ValueError
    numbers = {key: ast.literal_eval(each.strip()) if isinstance(each, str) else each for key, each in parts.items()}
    if kind in SPACES and numbers["start"] >= numbers["stop"]:
        raise ValueError
    return numbers


def _choice(given: List[Any], shares: Optional[List[float]] = None) -> Axis:
    values = plain(given)
    if not isinstance(values, list) or not 0 < len(values) <= MOST:
        raise ValueError
    return Axis([] if shares else values, lambda generator: generator.choices(values, shares)[0])


def _weighted(pairs: List[Any]) -> Axis:
    """Read pairs of a value and its probability. What the probabilities leave is the last one's."""
    values, shares = [value for value, _ in pairs], [share for _, share in pairs]
    if not all(type(share) is float and 0 <= share < 1 for share in shares) or sum(shares) > 1:
        raise ValueError
    return _choice(values, [*shares[:-1], 1 - sum(shares[:-1])])


def _distribution(kind: str, q: float = 0, **ends: float) -> Axis:
    """Make uniform or normal: log stands for exp of it, q for multiples of q."""
    # the platform's qlognormal is exp(exp(normal)), whatever q is: a mistake
    def shaped(value: float) -> float:
        value = math.exp(value) if "log" in kind else value
        return value // q * q if kind.startswith("q") else float(value)

    first, second = (ends[name] for name in WANTED[kind].split(":")[:2])
    is_normal = "scale" in ends
    # a draw comes less far from the middle than 9 scales: random() has 53 bits
    furthest = [first - 9 * second, first + 9 * second] if is_normal else [first, first + (second - first)]
    if is_normal and second < 0 or not all(math.isfinite(shaped(value)) for value in furthest):
        raise ValueError
    draw: Callable[..., float] = Random.gauss if is_normal else Random.uniform
    return Axis([], lambda generator: shaped(draw(generator, first, second)))


def _every(axes: Mapping[str, Axis]) -> Iterator[Dict[str, Any]]:
    return (dict(zip(axes, values)) for values in itertools.product(*(each.values for each in axes.values())))


def grid(axes: Mapping[str, Axis], most: Optional[int] = None) -> List[Dict[str, Any]]:
    """Return every combination in the file's order, or the first so many. Raises ValueError."""
    for name, each in axes.items():
        if not each.values:
            raise ValueError("matrix: {}: a grid can't have a distribution; --random N draws from it".format(name))
    found = list(itertools.islice(_every(axes), most or MOST + 1))
    if len(found) > MOST:
        raise ValueError("matrix: a grid of more than {} experiments; n_experiments takes the first ones".format(MOST))
    return found


def sample(axes: Mapping[str, Axis], count: int, seed: Any) -> List[Dict[str, Any]]:
    """Return so many different combinations, or all there are; not numpy's, but the same on every Python for a seed."""
    count = len(list(itertools.islice(_every(axes), count))) or count  # of distributions there is no end
    generator = Random(None if seed is None else str(seed))
    drawn = ({name: each.draw(generator) for name, each in axes.items()} for _ in range(1000 + 20 * count))
    found: Dict[str, Dict[str, Any]] = {}
    for one in itertools.chain(drawn, _every(axes)):  # where the last ones are rarely drawn, in order
        found.setdefault(json.dumps(one), one)
        if len(found) == count:
            break
    return list(found.values())
