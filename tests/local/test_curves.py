"""Pictures of metrics: what is left of many points, and what a page holds."""
import json
import re
from array import array
from math import inf, nan
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import pytest

from polyaxon_helper.local import curves
from polyaxon_helper.local.curves import Curve, page, read, sparkline, thin


def curve(
    values: Sequence[float], steps: Optional[Sequence[float]] = None, times: Optional[Sequence[float]] = None
) -> Curve:
    """Make a curve, where nothing else is said with the steps 0, 1, 2 and no time."""
    return Curve(
        array("d", [0] * len(values) if times is None else times),
        array("d", range(len(values)) if steps is None else steps),
        array("d", values),
    )


def data(text: str) -> List[Any]:
    """Read the data out of a page: the title, the labels and the names, then each picture's."""
    return [json.loads(each) for each in re.findall('<script type="application/json">(.*?)</script>', text)]


def picture(*metrics: Curve) -> Any:
    """Return what a page has of one metric in so many runs."""
    return data(page("", [("run", {"loss": each}) for each in metrics]))[1]


NOON = 1574337600.0  # 2019-11-21 12:00, in seconds since the epoch
AT_NOON = {"created_at": "2019-11-21 12:00:00+00:00"}
READ: List[Any] = [
    pytest.param([], {}, id="nothing"),
    pytest.param([{**AT_NOON, "values": {"loss": 0.5}}], {"loss": [(NOON, None, 0.5)]}, id="a metric"),
    pytest.param([{**AT_NOON, "values": {"loss": 0.5, "step": 3}}], {"loss": [(NOON, 3, 0.5)]}, id="with a step"),
    pytest.param([{**AT_NOON, "values": {"step": 3}}], {"step": [(NOON, None, 3)]}, id="a step alone is a metric"),
    pytest.param([{**AT_NOON, "values": {"b": 1}}, {**AT_NOON, "values": {"a": 2, "b": 3}}],
                 {"a": [(NOON, None, 2)], "b": [(NOON, None, 1), (NOON, None, 3)]}, id="some metrics, sorted"),
    pytest.param([{"created_at": "2019-11-21T13:00:00.250000+01:00", "values": {"a": 1}}],
                 {"a": [(NOON + 0.25, None, 1)]}, id="another zone"),
    pytest.param([{"created_at": "2019-11-21 12:00:00Z", "values": {"a": 1}}], {"a": [(NOON, None, 1)]}, id="Z"),
    pytest.param([{"created_at": "2019-11-21 12:00", "values": {"a": 1}}], {"a": [(NOON, None, 1)]}, id="no zone"),
    pytest.param([{"created_at": "noon", "values": {"a": 1}}], {"a": [(0, None, 1)]}, id="no time"),
    pytest.param([{"values": {"a": 1}}], {"a": [(0, None, 1)]}, id="nothing of a time"),
    pytest.param([{**AT_NOON, "values": {"a": "text", "b": None, "c": True}}],
                 {"a": [(NOON, None, None)], "b": [(NOON, None, None)], "c": [(NOON, None, 1)]}, id="no number"),
    pytest.param(["{", [1], {}, {"values": 7}, {"values": {"a": 10 ** 400}}, "\xff"], {}, id="what is no entry"),
]


@pytest.mark.parametrize("entries, expected", READ)
def test_read_metrics(entries: List[Any], expected: Any, tmp_path: Path) -> None:
    lines = [each if isinstance(each, str) else json.dumps(each) for each in entries]
    (tmp_path / "metrics.jsonl").write_text("".join(line + "\n" for line in lines), encoding="latin-1")
    found = {name: [tuple(None if number != number else number for number in point) for point in zip(*curve)]
             for name, curve in read(str(tmp_path)).items()}
    assert list(found.items()) == list(expected.items())


def test_read_event_files(tmp_path: Path) -> None:
    folder = tmp_path / "events" / "metric"
    folder.mkdir(parents=True)
    (folder / "loss.plx").write_text("step|timestamp|metric\n3|2019-11-21T12:00:00+00:00|0.5\n|noon|nan\n4|2019")
    (tmp_path / "metrics.jsonl").write_text('{"values": {"other": 1}}\n')
    found = read(str(tmp_path))
    assert list(found) == ["loss", "other"]
    assert str([list(each) for each in found["loss"]]) == "[[{}, 0.0], [3.0, nan], [0.5, nan]]".format(NOON)


LEVELS: List[Any] = [
    pytest.param([], 16, "", id="no values"),
    pytest.param([nan, inf, -inf], 16, "", id="none that is finite"),
    pytest.param([5], 16, "▄", id="one"),
    pytest.param([0, 0, 0], 4, "▄▄▄", id="all the same"),
    pytest.param(range(8), 16, "▁▂▃▄▅▆▇█", id="fewer than there is room for"),
    pytest.param([3, nan, -1, inf], 16, "█▁", id="those that are not finite are left out"),
    pytest.param([1e308, 0, -1e308], 16, "█▅▁", id="farther from each other than a number can be"),
    pytest.param([5e-324, 0], 16, "█▁", id="as near to each other as numbers can be"),
    pytest.param([0] * 500 + [1] + [0] * 500, 4, "▁▁█▁", id="one that stands out"),
]


@pytest.mark.parametrize("values, width, drawn", LEVELS)
def test_sparkline(values: Sequence[float], width: int, drawn: str) -> None:
    assert sparkline(values, width) == drawn


def test_sparkline_has_sixteen_characters_the_lowest_and_the_highest_among_them() -> None:
    drawn = sparkline([(number * 7919) % 10007 for number in range(10000)])
    assert len(drawn) == 16 and set(drawn) >= {"▁", "█"}


THINNED: List[Any] = [
    pytest.param([], 4, [], id="nothing"),
    pytest.param([1, 2, 3, 4], 4, [0, 1, 2, 3], id="few enough"),
    pytest.param([1, 1, 1, 1, 1], 4, [0, 1, 4], id="of those that are the same, the first"),
    pytest.param([1, 5, 2, 0, 1], 4, [0, 1, 3, 4], id="the highest before the lowest"),
    pytest.param([1, 0, 2, 5, 1], 4, [0, 1, 3, 4], id="the lowest before the highest"),
    pytest.param([0, 3, 4, 9, 9, 8, 7, 1], 6, [0, 1, 3, 4, 6, 7], id="those of each stretch"),
    pytest.param([1, 5, 2, 0, 1], 5, [0, 1, 2, 3, 4], id="just enough"),
]


@pytest.mark.parametrize("ys, most, kept", THINNED)
def test_thin(ys: List[float], most: int, kept: List[int]) -> None:
    points = [(10.0 * index, y) for index, y in enumerate(ys)]
    assert thin(points, most) == [points[index] for index in kept]


@pytest.mark.parametrize("most", [4, 5, 10, 999, 9999, 10000])
def test_thin_keeps_order_ends_and_extremes(most: int) -> None:
    ys = [((number * 7919) % 10007) / 3 for number in range(10000)]
    left = thin(list(enumerate(ys)), most)
    xs, heights = [int(x) for x, _ in left], [height for _, height in left]
    assert len(left) <= most
    assert (xs[0], xs[-1], min(heights), max(heights)) == (0, 9999, min(ys), max(ys))
    assert xs == sorted(set(xs)) and [ys[x] for x in xs] == heights


NOTHING: List[Any] = [
    pytest.param([], id="no runs"),
    pytest.param([("", {})], id="a run with no metrics"),
]


@pytest.mark.parametrize("runs", NOTHING)
def test_page_of_nothing_has_no_pictures(runs: Any) -> None:
    text = page("the title", runs)
    assert data(text) == [{"title": "the title", "labels": [label for label, _ in runs], "names": []}]


AXES: List[Any] = [
    pytest.param([curve([1, 2])], ("step", [[0, 1]]), id="all have steps"),
    pytest.param([curve([5, 6, 7], [3, 1, 2])], ("step", [[1, 2, 3]]), id="steps out of order"),
    pytest.param([curve([5, 6, 7], [2, 2, 2])], ("step", [[2, 2, 2]]), id="one step for all"),
    pytest.param([curve([1, 2], [0.25, 1e-20])], ("step", [[1e-20, 0.25]]), id="steps that are not whole"),
    pytest.param([curve([1, nan, 2], [1, 2, 3])], ("step", [[1, 3]]), id="what is no number is left out"),
    pytest.param([curve([1, 2], [1, nan], [100, 107.5])], ("time", [[0, 7.5]]), id="one has no step"),
    pytest.param([curve([1, 2], [1, inf], [100, 107.5])], ("time", [[0, 7.5]]), id="a step has no end"),
    pytest.param([curve([1], [1], [50]), curve([1, 2], [nan, nan], [1e9, 1e9 + 0.1])], ("time", [[0], [0, 0.1]]),
                 id="one run has no steps: each begins at its own first point"),
    pytest.param([curve([1, 2], [nan, nan], [9, 7])], ("time", [[0, 2]]), id="times out of order"),
]


@pytest.mark.parametrize("runs, expected", AXES)
def test_x_axis(runs: List[Curve], expected: Any) -> None:
    found = picture(*runs)
    assert (found["axis"], [x for _, x, _ in found["lines"]]) == expected


def test_a_time_is_since_the_first_point_of_any_of_the_runs_metrics() -> None:
    _, late, early = data(page("", [("", {"b": curve([1], [nan], [10]), "a": curve([1], [nan], [13])})]))
    assert (late["lines"][0][1], early["lines"][0][1]) == ([3], [0])


POINTS: List[Any] = [
    pytest.param([1, 2, 3], ([1, 2, 3], 0), id="all are numbers"),
    pytest.param([0.1, 1e308, -1e-308, 5e-324], ([0.1, 1e308, -1e-308, 5e-324], 0), id="each to its last digit"),
    pytest.param([1, nan, 2, inf, -inf, 3], ([1, 2, 3], 3), id="some are no numbers"),
    pytest.param([nan, nan], ([], 2), id="none is a number"),
]


@pytest.mark.parametrize("values, expected", POINTS)
def test_points_of_a_line(values: List[float], expected: Any) -> None:
    found = picture(curve(values))
    ((_, _, y),) = found["lines"]
    assert (y, found["bad"], found["points"]) == (*expected, len(values))


@pytest.mark.parametrize("runs, metrics, points, drawn", [
    pytest.param(2, 2, 100, 100, id="few are drawn all"),
    pytest.param(1, 1, 9000, 2000, id="one curve: 2,000"),
    pytest.param(10, 10, 1200, 1000, id="100 curves: 100,000 in all"),
    pytest.param(1000, 50, 30, 4, id="very many: 4 of each"),
])
def test_a_page_has_so_many_points_of_each_curve(runs: int, metrics: int, points: int, drawn: int) -> None:
    one = curve([(number * 7919) % 10007 for number in range(points)])
    first, *pictures = data(page("", [("", {str(name): one for name in range(metrics)})] * runs))
    assert len(pictures) == len(first["names"]) == metrics
    for each in pictures:
        assert (each["points"], len(each["lines"])) == (points * runs, runs)
        assert {len(x) for _, x, _ in each["lines"]} == {drawn}
        assert {(min(y), max(y)) for _, _, y in each["lines"]} == {(min(one.values), max(one.values))}


def test_pictures_are_sorted_and_lines_say_whose_they_are() -> None:
    metrics = [{"loss": curve([1]), "acc": curve([2])}, {}, {"loss": curve([3])}]
    first, *pictures = data(page("title", list(zip(["lr=0.1", "lr=0.2", ""], metrics))))
    assert first == {"title": "title", "labels": ["lr=0.1", "lr=0.2", ""], "names": ["acc", "loss"]}
    assert [[(run, y) for run, _, y in each["lines"]] for each in pictures] == [[(0, [2])], [(0, [1]), (2, [3])]]


HOSTILE: List[Any] = [
    pytest.param("loss", "loss", id="an ordinary one"),
    pytest.param("", "", id="none"),
    pytest.param("</script><script>alert(1)</script>", "</script><script>alert(1)</script>", id="the end of a script"),
    pytest.param("</title><img src=x onerror=alert(1)>", "</title><img src=x onerror=alert(1)>", id="an element"),
    pytest.param("<!-- <script>", "<!-- <script>", id="a comment with a script"),
    pytest.param("'\"\\&amp;`${1}", "'\"\\&amp;`${1}", id="quotes"),
    pytest.param("@TITLE@ @DATA@ \\1 \\g<0>", "@TITLE@ @DATA@ \\1 \\g<0>", id="what the template has"),
    pytest.param("a\u2028b\u2029c", "a\u2028b\u2029c", id="the ends of lines of old JavaScript"),
    pytest.param("a\ud800b\udfff", "a?b?", id="half characters"),
    pytest.param("a\x00\x1b\x7f\r\nb", "a\x00\x1b\x7f\r\nb", id="control characters"),
    pytest.param("损失 λ 🚀", "损失 λ 🚀", id="beyond ASCII"),
    pytest.param("x" * 100000, "x" * 100000, id="a very long one"),
]


@pytest.mark.parametrize("text, shown", HOSTILE)
def test_a_text_is_data_whatever_it_is(text: str, shown: str) -> None:
    made = page(text, [(text, {text: curve([1])}), (text, {})])
    plain = page("t", [("l", {"n": curve([1])}), ("l", {})])
    assert data(made)[0] == {"title": shown or "Metrics", "labels": [shown, shown], "names": [shown]}
    for tag in ("<script", "</script", "<!--", "<img", "</title"):
        assert made.count(tag) == plain.count(tag)
    made.encode("ascii")


def test_the_template_reaches_for_nothing() -> None:
    template = Path(curves.__file__).with_name("page.html").read_text(encoding="ascii")
    assert "default-src 'none'" in template
    addresses = set(re.findall(r"\w+://[^\"\s]*", template))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}  # names of elements
    assert not re.findall(r"\b(?:src\s*=|href|import|fetch|url|innerHTML|eval)\b", template)


def colours(style: str) -> Dict[str, str]:
    return dict(re.findall(r"--(\w+): #(\w{6});", style))


def contrast(one: str, other: str) -> float:
    """Tell how far apart two colours are, as WCAG 2 has it."""
    def light(colour: str) -> float:
        parts = [int(colour[at:at + 2], 16) / 255 for at in (0, 2, 4)]
        red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted([light(one), light(other)])
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_lines_and_texts_stand_out(scheme: int) -> None:
    template = Path(curves.__file__).with_name("page.html").read_text(encoding="ascii")
    found = colours(template.split("prefers-color-scheme: dark")[scheme])
    lines = {name: contrast(colour, found["paper"]) for name, colour in found.items() if re.match(r"c\d", name)}
    assert len(lines) == 8 and min(lines.values()) >= 3, lines
    for text in ("ink", "quiet"):
        assert min(contrast(found[text], found[behind]) for behind in ("paper", "raised")) >= 4.5
