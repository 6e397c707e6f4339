"""Shows which values are taken, left out and refused: in the caller's line, before anything is kept."""
import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any, Dict, List

import pytest

from polyaxon_helper.classic import send, sending
from polyaxon_helper.classic.entries import MAX_ENTRY_BYTES, entries, is_entry
from polyaxon_helper.exceptions import PolyaxonClientException


class Scalar:
    def __init__(self, value: Any) -> None:
        self.value = value

    def item(self) -> Any:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class EagerTensor:
    def __init__(self, value: Any) -> None:
        self.value = value

    def numpy(self) -> Any:
        return Scalar(self.value)


def scalars() -> Dict[str, Any]:
    numpy: Any = pytest.importorskip("numpy")
    return {
        "float16": (numpy.float16(0.5), 0.5), "float32": (numpy.float32(0.5), 0.5),
        "float64": (numpy.float64(0.5), 0.5),
        "longdouble": (numpy.longdouble(0.5), 0.5),
        "array of a longdouble": (numpy.array([0.5], numpy.longdouble), 0.5),
        "int8": (numpy.int8(3), 3), "uint64": (numpy.uint64(2**64 - 1), 2**64 - 1), "bool": (numpy.bool_(True), True),
        "array of one": (numpy.array([0.5]), 0.5), "array of no dimension": (numpy.array(3), 3),
    }


SENT = {
    "int": (3, 3), "float": (0.25, 0.25), "zero": (0, 0), "bool": (True, True),
    "largest double": (1.7976931348623157e308, 1.7976931348623157e308), "smallest double": (5e-324, 5e-324),
    "int as large as a double": (10**308, 10**308), "scalar": (Scalar(0.5), 0.5),
    "eager tensor": (EagerTensor(0.5), 0.5), "Decimal": (Decimal("0.5"), 0.5), "Fraction": (Fraction(1, 2), 0.5),
}


@pytest.mark.parametrize("value, sent", SENT.values(), ids=["sent: " + name for name in SENT])
def test_sent(value: Any, sent: Any) -> None:
    (line,), told = entries({"m": value})
    assert (json.loads(line.decode())["values"], told) == ({"m": sent}, [])
    assert is_entry(line)


def test_sent_numpy() -> None:
    for name, (value, sent) in scalars().items():
        assert json.loads(entries({"m": value})[0][0].decode())["values"] == {"m": sent}, name


LEFT_OUT = {
    "None": None, "NaN": float("nan"), "infinity": float("inf"), "minus infinity": float("-inf"),
    "a scalar of NaN": Scalar(float("nan")), "a scalar of None": Scalar(None),
    "int beyond a double": 10**400, "negative int beyond a double": -10**400, "scalar beyond a double": Scalar(10**400),
    "Decimal of NaN": Decimal("NaN"), "infinite Decimal": Decimal("Infinity"),
}


@pytest.mark.parametrize("value", LEFT_OUT.values(), ids=["left out, the rest sent: " + name for name in LEFT_OUT])
def test_left_out(value: Any) -> None:
    (line,), (told,) = entries({"good": 1, "bad": value})
    assert json.loads(line.decode())["values"] == {"good": 1}
    assert told.startswith("metric 'bad' was None, NaN or infinite")


def test_nothing_is_sent_where_all_is_left_out() -> None:
    lines, told = entries({"bad": None})
    assert (lines, len(told)) == ([], 1)


def test_no_metric_at_all_is_sent_as_the_client_does() -> None:
    assert json.loads(entries({})[0][0].decode())["values"] == {}


REFUSED = {
    "text": ({"m": "0.5"}, "metric 'm' is no number but a str"), "list": ({"m": [1]}, "a list"),
    "complex": ({"m": 1j}, "a complex"), "scalar of a complex": ({"m": Scalar(1j)}, "a Scalar"),
    "tensor of several": ({"m": Scalar(ValueError("several"))}, "a Scalar"),
    "scalar whose item() fails somehow": ({"m": Scalar(KeyError())}, "a Scalar"),
    "NUL in a name": ({"a\0b": 1}, "NUL"), "half a surrogate pair in a name": ({"a\ud800": 1}, "no valid text"),
    "a refused one beside one that is left out": ({"a": None, "m": "x"}, "a str"),
}


@pytest.mark.parametrize("metrics, text", REFUSED.values(), ids=["refused: " + name for name in REFUSED])
def test_refused(metrics: Any, text: str) -> None:
    with pytest.raises(PolyaxonClientException, match=text):
        entries(metrics)


@pytest.mark.parametrize("over, sizes", [(0, [MAX_ENTRY_BYTES]), (1, [])], ids=["512 kB", "a byte more"])
def test_a_name_is_taken_up_to_512_kB(over: int, sizes: List[int]) -> None:
    (line,), _ = entries({"m": 1})
    lines, told = entries({"m" * (MAX_ENTRY_BYTES - len(line) + 1 + over): 1})
    assert list(map(len, lines)) == sizes
    assert told == ["metric '{}'... is left out: its name is too long".format("m" * 50)] * over


def test_a_wide_call_is_split_under_one_stamp() -> None:
    metrics = {"layer {} {}".format(number, "m" * 1000): number for number in range(1400)}
    lines, told = entries({**metrics, "m" * MAX_ENTRY_BYTES: 1})
    found = [json.loads(line.decode()) for line in lines]
    assert all(len(line) <= MAX_ENTRY_BYTES and is_entry(line) for line in lines) and len(lines) > 2
    assert {name: value for each in found for name, value in each["values"].items()} == metrics
    assert len({each["created_at"] for each in found}) == 1 and len(told) == 1


def test_stamp_is_utc_with_microseconds() -> None:
    stamp = json.loads(entries({})[0][0].decode())["created_at"]
    assert len(stamp) == len("2026-11-22 00:37:16.310707+00:00") and stamp.endswith("+00:00")
    assert datetime.now(timezone.utc) - datetime.fromisoformat(stamp) < timedelta(minutes=1)


STAMP = '"created_at": "2026-11-22 00:37:16.310707+00:00"'
NO_ENTRIES = {
    "nothing": b"", "no JSON": b"{", "a number": b"1", "a list": b"[]", "no UTF-8": b"\xff",
    "no values": "{{{}}}".format(STAMP).encode(), "no time": b'{"values": {}}',
    "null as values": '{{"values": null, {}}}'.format(STAMP).encode(),
    "text as a value": '{{"values": {{"a": "1"}}, {}}}'.format(STAMP).encode(),
    "NaN": '{{"values": {{"a": NaN}}, {}}}'.format(STAMP).encode(),
    "1e400": '{{"values": {{"a": 1e400}}, {}}}'.format(STAMP).encode(),
    "an int beyond a double": '{{"values": {{"a": 1{}}}, {}}}'.format("0" * 400, STAMP).encode(),
    "NUL in a name": '{{"values": {{"\\u0000": 1}}, {}}}'.format(STAMP).encode(),
    "half a surrogate pair": '{{"values": {{"\\ud800": 1}}, {}}}'.format(STAMP).encode(),
    "a field more": '{{"values": {{}}, "x": 1, {}}}'.format(STAMP).encode(),
    "null as time": b'{"values": {}, "created_at": null}',
    "another time": b'{"values": {}, "created_at": "2026-11-22"}',
    "no time of day": b'{"values": {}, "created_at": "2026-11-22 25:37:16.310707+00:00"}',
    "too long": '{{"values": {{"{}": 1}}, {}}}'.format("a" * 600000, STAMP).encode(), "nested too deep": b"[" * 100000,
}


@pytest.mark.parametrize("line", NO_ENTRIES.values(), ids=["no entry: " + name for name in NO_ENTRIES])
def test_no_entry(line: bytes) -> None:
    assert not is_entry(line)


class Kept(List[bytes]):
    """In the sending's place."""

    def accept(self, info: Any, line: bytes) -> str:
        self.append(line)
        return ""


@pytest.fixture
def kept(monkeypatch: Any) -> Kept:
    kept = Kept()
    monkeypatch.setattr(sending, "reporter", kept)
    return kept


def test_what_is_left_out_is_said_once_a_name_and_blamed_on_the_line(kept: Kept) -> None:
    with pytest.warns(RuntimeWarning) as warned:
        for value in (None, float("nan"), float("inf")):
            send({}, {"loss": value, "step": 1})
        send({}, {"other": None})
    assert [str(warning.message).split(" was")[0] for warning in warned] == ["metric 'loss'", "metric 'other'"]
    assert warned[0].filename == __file__
    assert len(kept) == 3


@pytest.mark.filterwarnings("error")
def test_the_rest_is_kept_also_where_warnings_are_errors(kept: Kept) -> None:
    with pytest.raises(RuntimeWarning):
        send({}, {"loss": None, "step": 1})
    assert len(kept) == 1


def test_an_error_of_ours_is_a_warning_without_its_text(monkeypatch: Any) -> None:
    def fail(*arguments: Any) -> str:
        raise KeyError("a secret")

    monkeypatch.setattr(sending.reporter, "accept", fail)
    with pytest.warns(RuntimeWarning, match="^a metric could not be kept for sending: KeyError$"):
        send({}, {"step": 1})
