"""The page of a run's metrics, as a browser draws it."""
import html
import importlib.util
import json
import re
import shutil
from math import inf, nan
from pathlib import Path
from typing import Any, Callable, List, Mapping, Optional, Tuple

import pytest

from polyaxon_helper.local.curves import Curve, page

from ..processes import ended, process_environment, started
from .test_curves import curve

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
AXE = importlib.util.find_spec("axe_core_python")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")]

Runs = List[Tuple[str, Mapping[str, Curve]]]
Browse = Callable[..., Any]

# Puts what a script says where --dump-dom shows it, in the page itself or in the page around its frame
LISTEN = """
<script>
addEventListener("message", event => { document.documentElement.dataset.result = event.data; });
</script>
"""
# What the scripts of the tests have; waiting takes no time: the browser's clock jumps ahead where nothing happens
SCRIPT = """
<script>
const all = (selector, parent = document) => [...parent.querySelectorAll(selector)];
const pause = () => new Promise(resolve => setTimeout(resolve, 200));
const texts = (selector, parent) => all(selector, parent).map(each => each.textContent);
const press = (target, key) => target.dispatchEvent(new KeyboardEvent("keydown", {{ key, bubbles: true }}));
const readout = () => texts(".readout:not([hidden]) span").filter(text => text);
const point = (svg, across, down = .5) => {{
  const box = svg.getBoundingClientRect();
  svg.dispatchEvent(new PointerEvent("pointermove", {{
    clientX: box.left + box.width * across, clientY: box.top + box.height * down }}));
}};
async function test() {{
  {}
}}
pause().then(test).catch(error => "failed: " + error.stack).then(result => parent.postMessage(
  JSON.stringify(result).replace(/[^ -~]/g, each => "\\\\u" + each.charCodeAt().toString(16).padStart(4, "0")), "*"));
</script>
"""


@pytest.fixture
def browse(own_folder: Path) -> Browse:
    """Run a script in a page in a browser, and return what it returns."""
    def run(text: str, script: str, width: int = 1200, dark: bool = False, before: str = "") -> Any:
        shown = own_folder / "page.html"
        shown.write_text(text.replace("</body>", LISTEN + before + SCRIPT.format(script) + "</body>"), encoding="utf-8")
        if width < 500:  # the least that a window has
            frame = '<iframe src="page.html" style="width: {}px; height: 2000px; border: 0"></iframe>'.format(width)
            shown = own_folder / "frame.html"
            shown.write_text(LISTEN + frame, encoding="utf-8")
        command = [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--user-data-dir={}".format(own_folder / "profile"), "--window-size={},2000".format(width),
            "--blink-settings=preferredColorScheme={}".format(int(not dark)), "--virtual-time-budget=20000",
            "--dump-dom", shown.as_uri(),
        ]
        with started(*command, env=process_environment(own_folder), cwd=own_folder) as process:
            done = ended(process)
        found = re.search('<html[^>]* data-result="([^"]*)"', done.stdout)
        assert found, done.stderr
        return json.loads(html.unescape(found.group(1)))

    return run


FALL = [2.5 / (number + 1) for number in range(60)]
ONE: Runs = [("", {"loss": curve(FALL), "accuracy": curve([1 - each / 3 for each in FALL], [nan] * 60, range(60))})]
GROUP: Runs = [
    ("lr={} units={}".format(rate, units), {"loss": curve([each * rate + units / 100 for each in FALL]),
                                            "val/accuracy": curve([1 - each * rate / 3 for each in FALL])})
    for rate in (0.3, 0.2, 0.1, 0.05) for units in (32, 64, 128)
]
MANY: Runs = [("run {}".format(number), {"loss": curve([each + number for each in FALL])}) for number in range(100)]
RUN = "document.documentElement.dataset.ran = 1"
NAMES = [
    "</script><script>{}</script>".format(RUN), "<!-- <script>", "<img src=x onerror='{}'>".format(RUN), "",
    "\u2028\u202e\x00\x1b\"'&amp;", "损失 🚀", "half \ud800", "a_very_long_name" * 100, "many words " * 100,
    "javascript:" + RUN, "@DATA@", "</title><body onload='{}'>".format(RUN),
]
HOSTILE: Runs = [(name, {each: curve(FALL) for each in NAMES}) for name in NAMES]
ODD: Runs = [("", {
    "one": curve([0.123]), "one that is big": curve([1e308], [1e6]), "two": curve([1, 2]), "none": curve([nan, inf]),
    "some numbers": curve([1, nan, 2, 3, nan, inf, 4, 5, 6, nan, 5]), "one step": curve([1, 2, 3, 2], [5] * 4),
    "zero": curve([0] * 9), "small": curve([0.001] * 9), "big": curve([123456789] * 9), "minus": curve([-5] * 9),
    "almost the same": curve([1 + number * 1e-15 for number in range(9)]),
    "far from 0": curve([1e6 + number * 1e-4 for number in range(9)]),
    "far apart": curve([1e308, -1e308, 1.7e308]), "near": curve([1e-308, 5e-324, 3e-308]),
    "all numbers": curve([5e-324, 1.7e308]), "out of order": curve([3, 1, 2], [3, 1, 2]),
    "parts of steps": curve([3, 1, 2], [0.5, 0.1, 0.2]), "very late steps": curve([3, 1, 2], [1e300, -1e308, 1.7e308]),
    "late steps": curve(FALL, range(1000000, 1000060)), "days": curve(FALL, [nan] * 60, range(0, 600000, 10000)),
    "milliseconds": curve([1, 2], [nan] * 2, [1.7e9, 1.7e9 + 0.003]),
})]

READ_ALOUD: List[Any] = [
    pytest.param(ONE, 1200, False, "", id="a run"),
    pytest.param(ONE, 360, True, "", id="a run, narrow, dark"),
    pytest.param(GROUP, 1600, True, "", id="a group, wide, dark"),
    pytest.param(GROUP, 360, False, "", id="a group, narrow"),
    pytest.param(GROUP, 1200, False, "all('button')[1].click(); point(all('.plot svg')[0], .5);",
                 id="a group, pointed at"),
    pytest.param(MANY, 1200, True, "all('#log')[0].click();", id="many runs, log scale, dark"),
    pytest.param(HOSTILE, 360, True, "", id="hostile names, narrow, dark"),
    pytest.param(ODD, 1600, False, "", id="odd values, wide"),
    pytest.param([], 1200, True, "", id="nothing, dark"),
]


@pytest.mark.parametrize("runs, width, dark, act", READ_ALOUD)
def test_axe_finds_nothing(runs: Runs, width: int, dark: bool, act: str, browse: Browse) -> None:
    assert AXE and AXE.origin
    axe = Path(AXE.origin).with_name("axe.min.js").read_text(encoding="utf-8")
    found = browse(page("runs", runs), act + """
        await pause();
        const { violations, passes } = await axe.run();
        return {
          width: innerWidth, dark: matchMedia("(prefers-color-scheme: dark)").matches,
          violations: violations.map(({ id, nodes }) => [id, nodes.map(node => [node.html, node.failureSummary])]),
          pictures: passes.filter(({ id }) => id === "svg-img-alt").length,
        };
    """, width, dark, before="<script>{}</script>".format(axe))
    assert found == {"width": width, "dark": dark, "violations": [], "pictures": int(bool(runs))}


# What is wrong in a page: a number that is none, text over text, what is outside its picture or the window
WRONG = """
    dispatchEvent(new Event("beforeprint"));
    const wrong = [];
    if (document.documentElement.scrollWidth > innerWidth) wrong.push("wider than the window");
    for (const element of all("svg *")) for (const { name, value } of element.attributes) {
      if (name !== "class" && /NaN|Infinity|undefined|null/.test(value)) wrong.push([name, value]);
    }
    for (const svg of all(".plot svg")) {
      const outer = svg.getBoundingClientRect();
      const boxes = all("text", svg).map(each => [each, each.getBoundingClientRect()]);
      for (const [text, box] of boxes) {
        if (/NaN|Infinity|undefined/.test(text.textContent)) wrong.push(text.textContent);
        if (box.left < outer.left - 1 || box.right > outer.right + 1) wrong.push("cut: " + text.textContent);
        for (const [other, its] of boxes) {
          const beside = box.right < its.left || its.right < box.left;
          const above = box.bottom < its.top + 3 || its.bottom < box.top + 3;
          if (other !== text && !beside && !above) wrong.push(text.textContent + " is over " + other.textContent);
        }
      }
      if (boxes.length < 3) wrong.push("too few ticks: " + svg.getAttribute("aria-label"));
      for (const line of all("[data-run]", svg)) {
        const { x, y, width, height } = line.getBBox();
        if (x < 0 || y < 9 || x + width > svg.clientWidth || y + height > 201) wrong.push("outside its picture");
      }
    }
"""


@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("log", [False, True], ids=["linear", "log scale"])
@pytest.mark.parametrize("runs", [
    pytest.param(ONE, id="a run"), pytest.param(GROUP, id="a group"), pytest.param(ODD, id="odd values"),
])
def test_every_run_is_a_line_and_nothing_is_wrong(runs: Runs, log: bool, width: int, browse: Browse) -> None:
    script = ("all('#log')[0].click();" if log else "") + WRONG + """
        const runs = figure => new Set(all("[data-run]", figure).map(each => each.dataset.run));
        const lines = all("figure").map(figure => runs(figure).size);
        return { width: innerWidth, wrong, lines: Object.fromEntries(texts("h2").map((name, i) => [name, lines[i]])) };
    """
    found = browse(page("runs", runs), script, width)
    expected = {name: 0 if name == "none" else len(runs) for name in runs[0][1]}
    assert found == {"width": width, "wrong": [], "lines": expected}


def test_one_point_is_a_dot(browse: Browse) -> None:
    metrics = {"loss": curve([nan, 1])}
    found = browse(page("", [("", metrics)]), """
        return [all(".line").length, all(".dots")[0].getAttribute("d").replace(/[^A-Za-z]/g, "")];
    """)
    assert found == [0, "Mh"]


CAPTIONS: List[Any] = [
    pytest.param([curve([1, 2])], "last 2, lowest 1, highest 2", id="a run"),
    pytest.param([curve([1, 2]), curve([-3.14159265])], "2 runs: lowest \u22123.14159, highest 2", id="runs"),
    pytest.param([curve([nan])], "1 point is not a number", id="no number"),
    pytest.param([curve([5, nan, inf])], "last 5, lowest 5, highest 5 \u00b7 2 points are not numbers", id="some"),
    pytest.param([curve([0, 1] * 5000)], "last 1, lowest 0, highest 1 \u00b7 2,000 of 10,000 points drawn, lows and "
                 "highs among them", id="points that are left out"),
]


@pytest.mark.parametrize("curves, caption", CAPTIONS)
def test_caption(curves: List[Curve], caption: str, browse: Browse) -> None:
    assert browse(page("", [("a", {"loss": each}) for each in curves]), "return texts('figcaption')") == [caption]


def test_hostile_names_run_nothing_and_are_shown(browse: Browse) -> None:
    title = "</title><script>{}</script>".format(RUN)
    title, ran, names, labels = browse(page(title, HOSTILE), """
        all("button").forEach(each => each.click());
        point(all(".plot svg")[0], .5);
        await pause();
        return [document.title, "ran" in document.documentElement.dataset, texts("h2"), texts("button")];
    """)
    shown = [name.strip("\u2028 ").replace("\ud800", "?") or "(no name)" for name in NAMES]
    assert (title, ran) == ("</title><script>{}</script>".format(RUN), False)
    assert names == [shown[NAMES.index(name)][:1000] for name in sorted(NAMES)]
    assert labels == [name[:300] for name in shown]


STEPS: Runs = [("", {"loss": curve([5, 3, 0.123456789, -1e-7], [0, 1, 2, 1000])})]
TIMES: Runs = [
    ("a", {"loss": curve([1, 2, 3], [nan] * 3, [50, 80, 10850])}), ("b", {"loss": curve([4, 5], [nan] * 2, [0, 3])}),
]
READ: List[Any] = [
    pytest.param(STEPS, "point(svg, .95)", ["step 1,000", "\u22121e\u22127"], id="the nearest x to the pointer"),
    pytest.param(STEPS, "point(svg, .5)", ["step 2", "0.123457"], id="between two, the nearer"),
    pytest.param(STEPS, "point(svg, .95); svg.dispatchEvent(new Event('pointerleave'))", [], id="the pointer has left"),
    pytest.param(STEPS, "press(svg, 'ArrowRight')", ["step 0", "5"], id="right: the first"),
    pytest.param(STEPS, "press(svg, 'ArrowLeft')", ["step 1,000", "\u22121e\u22127"], id="left: the last"),
    pytest.param(STEPS, "for (let i = 0; i < 3; i++) press(svg, 'ArrowRight')", ["step 2", "0.123457"],
                 id="right, thrice"),
    pytest.param(STEPS, "for (let i = 0; i < 9; i++) press(svg, 'ArrowRight')", ["step 1,000", "\u22121e\u22127"],
                 id="right, beyond the end"),
    pytest.param(STEPS, "press(svg, 'End'); press(svg, 'ArrowLeft')", ["step 2", "0.123457"], id="the end, and left"),
    pytest.param(STEPS, "press(svg, 'End'); press(svg, 'Home'); press(svg, 'ArrowLeft')", ["step 0", "5"],
                 id="home, and no farther"),
    pytest.param(STEPS, "press(svg, 'End'); press(svg, 'Escape')", [], id="escape"),
    pytest.param(TIMES, "press(svg, 'End')", ["3 h", "a", "3"], id="hours, and a run that has ended"),
    pytest.param(TIMES, "press(svg, 'Home')", ["0 h", "b", "4", "a", "1"], id="two runs, the higher first"),
    pytest.param(MANY, "point(svg, .99, 0)", [
        "step 59", *(text for number in range(99, 87, -1) for text in ("run {}".format(number), "{:.6g}".format(
            number + FALL[-1]))), "and 88 more"], id="of many runs, those near the pointer"),
]


@pytest.mark.parametrize("runs, act, shown", READ)
def test_values_at_the_pointer_or_by_keys(runs: Runs, act: str, shown: List[str], browse: Browse) -> None:
    script = "const svg = all('.plot svg')[0]; svg.focus(); {}; return [readout(), texts('[role=status]')]".format(act)
    found, (status,) = browse(page("", runs), script)
    assert found == shown
    if "press" in act and shown:
        assert status == " ".join(found)


LOG: List[Any] = [
    pytest.param([1, 10, 100, 1000], ["1", "10", "100", "1000"], True, id="powers of ten"),
    pytest.param([1, 3, 10], ["1", "2", "5", "10"], True, id="one power of ten"),
    pytest.param([1e-300, 1, 1e300], ["1e\u2212220", "1e\u2212110", "1", "1e110", "1e220"], True, id="hundreds"),
    pytest.param([2.1, 2.3], ["2.10", "2.15", "2.20", "2.25", "2.30"], True, id="hardly any"),
    pytest.param([7, 7], None, True, id="a constant"),
    pytest.param([0, 10], ["0", "2", "4", "6", "8", "10"], False, id="a zero"),
    pytest.param([-1, 1], ["\u22121.0", "\u22120.5", "0", "0.5", "1.0"], False, id="negative"),
]


@pytest.mark.parametrize("values, ticks, is_log", LOG)
def test_log_scale(values: List[float], ticks: Optional[List[str]], is_log: bool, browse: Browse) -> None:
    found, note, before, after, again = browse(page("", [("", {"loss": curve(values)})]), """
        const line = () => all(".line")[0].getAttribute("d"), before = line();
        all("#log")[0].click(); await pause();
        const after = line(), ticks = texts("text[text-anchor=end]"), note = texts("figcaption")[0];
        all("#log")[0].click(); await pause();
        return [ticks, note, before, after, line()];
    """)
    assert before == again
    assert note.endswith("no log scale, since not all values are above 0") is not is_log
    if ticks:
        assert [text for text in found if text in ticks] == ticks
    if len(values) > 2:
        heights = [float(height) for height in re.findall(r"[ML][\d.]+ ([\d.]+)", after)]
        assert heights[0] - heights[1] == pytest.approx((heights[0] - heights[-1]) / (len(values) - 1), abs=5)
        assert before != after


def test_legend_tells_the_runs_apart_and_lights_them_up(browse: Browse) -> None:
    told, pens, *rest = browse(page("", GROUP), """
        const [first, second, third] = all("button"), seen = [texts("button")];
        const lit = () => [...new Set(all(".lit .on").map(each => each.dataset.run))];
        const pen = line => line.getAttribute("stroke") + line.getAttribute("stroke-dasharray");
        seen.push(all("figure:first-child .line").map(pen));
        first.focus(); seen.push(lit());
        press(first, "ArrowRight"); seen.push(lit());
        second.click(); second.blur(); seen.push(lit(), second.getAttribute("aria-pressed"));
        third.dispatchEvent(new Event("mouseenter")); seen.push(lit());
        second.click(); third.dispatchEvent(new Event("mouseleave")); seen.push(lit());
        seen.push(all("button[tabindex='0']").length);
        return seen;
    """)
    assert told == [label for label, _ in GROUP]
    assert len(set(pens)) == len(GROUP)
    assert rest == [["0"], ["1"], ["1"], "true", ["1", "2"], [], 1]


@pytest.mark.parametrize("runs", [pytest.param(ONE, id="one run"), pytest.param([], id="none")])
def test_one_run_needs_no_legend(runs: Runs, browse: Browse) -> None:
    found = browse(page("title", runs), """
        return [texts("h1"), all(".legend")[0].hidden, all("label")[0].hidden, texts("main > p:not([role])")];
    """)
    assert found == [["title"], True, not runs, [] if runs else ["no metrics arrived"]]


def test_pictures_far_below_are_drawn_when_they_are_printed(browse: Browse) -> None:
    metrics = {"metric {}".format(number): curve(FALL) for number in range(100)}
    early, late = browse(page("", [("", metrics)]), """
        const early = all(".line").length;
        dispatchEvent(new Event("beforeprint"));
        return [early, all(".line").length];
    """)
    assert 10 < early < 40 and late == 100
