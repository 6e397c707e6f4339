"""Find what installs, imports or runs the legacy package in files that are no Python sources.

No uses are comments, prose (all of .md and .rst), labels and links, what the CLI keeps in `.polyaxon*`, binary files,
files of 1 MB and more, and lock files: a lock file is made anew from the file that is reported.
"""
import re
from functools import partial
from typing import Callable, Dict, Iterator, List, Match, Pattern, Tuple

from .python import Place
from .python.references import LEGACY, OURS
from .python.source import line_starts, position

LARGE = 1 << 20
# PowerShell's `pip freeze > requirements.txt` writes UTF-16, in which a zero stands between two letters
GATE = re.compile(b"(?i)" + b"\0?".join([b"%c" % each for each in b"polyaxon|helper"]).replace(b"|", b"[-_.]"))
NAME = r"polyaxon[-_.]helper"
NAMED = re.compile(NAME, re.I)
LEGACY_API = re.compile(r"{}(?![\w/-]|\.(?:{})\b)".format(LEGACY, "|".join(OURS)))

# What to do about each kind of use
INSTALLED = "write {} in its place, each as a requirement of its own"
IMPORTED = "move this import by hand: only .py files and Python scripts given as PATH are rewritten"
RUN = "take this command out: the package is no program"

# Every pattern here fails, too, in time that is linear in the text
PACKAGE = re.compile(r"(?:[\w.-]*dependencies\.)?({})(?![\w/-]|\.\w)".format(NAME), re.I)
LOCATION = re.compile(r"(?:^|[/=])({})(?!\w|-\D|\.(?!git|tar|zip))".format(NAME), re.I)
FETCHED = re.compile(r"\b(?:git|hg|svn|bzr)\+|[#&]egg=|\.(?:whl|zip|tar\.gz)(?:$|#)")
REQUIREMENT = re.compile(NAME + (
    r"(?: ?\[[^]]*\])? ?(?:[<>=!~]=?=? ?[\w.*+${}-]+ ?(?:, ?)?)*"  # extras, versions
    r"(?:@ ?[^\s:]+:.*|; ?[(\"' ]*(?:python_|os_|sys_|platform_|implementation_|extra).*|--?\w.*)?$"), re.I)

REQUIRED = re.compile(r"^[ \t]*(?:(?:-e|--editable)[ \t]+)?((\S+)[^\n]*)", re.M)
WORD = re.compile(r"[^\s\"'`,\\]+")
ITEM = re.compile(r"[^\s\"'`,\\\[\]{}]+")
DOTTED = re.compile(r"[\w.]+")
LINE = re.compile(r"[^\n]+")
COMMAND = re.compile(r"(?:\"[^\"\n]*\"|'[^'\n]*'|[^\n;&|])+")  # a requirement's marker stands behind a quoted `;`
STATEMENT = re.compile(r"[^\n;:]+")
INSTALLER = re.compile(r"(?:^|[^\w.]|-m)(?:pip[\d.]*|pipenv|poetry|pdm|uv)(?:\.exe)?[)}]*$", re.I)
VERBS = frozenset(("install", "add", "download", "wheel"))

# The first group of CONTINUED, COMMENT and PYTHON is what is blanked
CONTINUED = re.compile(r"(\\[ \t]*\n(?:[ \t]*\n)*)")
COMMENT = re.compile(r"((?:^|(?<=\s))#[^\n]*|^[ \t]*(?:;|//|::|rem\b)[^\n]*)|\"[^\"\n]*\"|'[^'\n]*'", re.M | re.I)
LONG = r"{0}{0}{0}[^{0}\\]*(?:(?:\\.|{0}(?!{0}{0}))[^{0}\\]*)*(?:{0}{0}{0}|\\?\Z)"
SHORT = r"{0}[^{0}\\\n]*(?:\\.[^{0}\\\n]*)*(?:{0}|\\?$)"
PYTHON = re.compile(r"((?:^|(?<=\s))#[^\n]*|{}|{})|({}|{})|\b(\w+)\s*=(?!=)".format(
    *(form.format(quote) for form in (LONG, SHORT) for quote in "\"'")), re.M | re.S)
SETUP_LABELS = re.compile(r"\w*(?:name|packages|modules|description|url)$|package_(?:data|dir)$|keywords$")

YAML_KEY = re.compile(r"()[ \t]*(?:- +)?[\"']?([\w-]+)[\"']?:(?:\s|$)")
YAML_LISTS = re.compile(r"\.(?:pip|dependencies)$")
TABLE_KEY = re.compile(r"[ \t]*(?:\[+([^\]]{1,99})\]|[\"']?([\w.-]+)[\"']?[ \t]*=(?!=))")
TABLE_LISTS = re.compile(r"dependenc|requir|\bdeps$|^(?:dev-)?packages\.", re.I)
JSON = re.compile(r'"cell_type"\s*:\s*"(\w+)"|"(?:source|input)"\s*:\s*(\[[^]"]*(?:{0}[^]"]*)*|{0})|{0}'.format(
    r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'), re.S)
ESCAPES = re.compile(r'(?:\\(?:u....|.))+|"(?:\s*,\s*")?', re.S)

Found = Iterator[Tuple[int, str]]  # offsets, with one of the three messages


def uses(path: str, raw: bytes, keeps: bool, instead: str) -> List[Place]:
    """Find the uses in a file; what installs the package is none where the rewritten code `keeps` needing it."""
    text = _decoded(raw)
    kind = "{}\n{}".format(path.lower().replace("\\", "/"), text[:100])
    scans = next(scans for kinds, scans in KINDS if kinds.match(kind))
    found = {at: what for scan in scans for at, what in scan(text) if not (keeps and what == INSTALLED)}
    return _placed(text, found, instead)


def setup_uses(text: str, instead: str) -> List[Place]:
    """Find the strings of a setup.py that require the package."""
    found: Dict[int, str] = {}
    key = ""
    text = _one_line_end(text)
    for match in PYTHON.finditer(text):
        key = match.group(3) or key
        if match.group()[0] in "\"'" and not SETUP_LABELS.match(key):
            inside = re.sub("^[\"']+|[\"']+$", lambda quotes: " " * len(quotes.group()), match.group())
            found.update((match.start() + at, what) for at, what in _lines(inside))
    return _placed(text, found, instead)


def _placed(text: str, found: Dict[int, str], instead: str) -> List[Place]:
    starts = line_starts(text)
    return [Place(*position(starts, at), name=text[at:at + len(LEGACY)], message=found[at].format(instead))
            for at in sorted(found)]


def _decoded(raw: bytes) -> str:
    """Give a file's text; of a large or binary one none."""
    wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))  # UTF-16's
    if len(raw) >= LARGE or b"\0" in raw and not wide:
        return ""
    return _one_line_end(raw.decode("utf-16", "replace") if wide else raw.decode("utf-8-sig", "surrogateescape"))


# From here on nothing changes a text's length: each offset is one of the file

def _one_line_end(text: str) -> str:
    return text.replace("\r\n", " \n").replace("\r", "\n")


def _blanked(pattern: Pattern[str], text: str, whole: bool = False) -> str:
    """Blank what is in the pattern's first group, or all that it matches."""
    return pattern.sub(lambda match: " " * len(match.group()) if whole or match.group(1) else match.group(), text)


def _joined(text: str) -> str:
    """Put each command on one line, without comments."""
    return _blanked(CONTINUED, _blanked(COMMENT, text))


def _commands(text: str) -> Found:
    code = _joined(text)
    for command in COMMAND.finditer(code):
        if NAMED.search(command.group()):
            words = list(WORD.finditer(code, *command.span()))
            yield from _installed(words)
            yield from ((word.start(), RUN) for before, word in zip(words, words[1:])
                        if before.group() == "-m" and LEGACY_API.match(word.group()))


def _installed(words: List[Match[str]]) -> Found:
    installer = installs = False
    before = ""
    for word, start in [(match.group(), match.start()) for match in words]:
        if installs:
            yield from _package(word, start)
        elif installer and word in VERBS:
            installs = True
        elif INSTALLER.search(word):
            installer = True
        elif not word.startswith("-") and not before.startswith("-"):
            installer = False
        before = word


def _package(word: str, start: int) -> Found:
    """Find the package in a word of what is installed."""
    match = PACKAGE.match(word) or FETCHED.search(word) and LOCATION.search(word)
    if match:
        yield start + match.start(1), INSTALLED


def _lines(text: str) -> Found:
    """Find lines that are nothing but a requirement."""
    for line in REQUIRED.finditer(_joined(text)):
        if NAMED.search(line.group()):
            if FETCHED.search(line.group(2)) or REQUIREMENT.match(" ".join(line.group(1).split())):
                yield from _package(line.group(2), line.start(2))


def _lists(keys: Pattern[str], lists: Pattern[str], text: str) -> Found:
    """Find the package in the lists whose key says that they are of dependencies."""
    code = _joined(text)
    section, listed = "", None
    for line in LINE.finditer(code):
        match = keys.match(line.group())
        if match:
            section = match.group(1) or section
            listed = lists.search("{}.{}".format(section, match.group(2)))
        for item in ITEM.finditer(code, *line.span()) if listed else ():
            yield from _package(item.group(), item.start())


def _script(text: str) -> Found:
    yield from _commands(_blanked(PYTHON, text))
    code = _blanked(CONTINUED, _blanked(PYTHON, text, whole=True))
    for statement in STATEMENT.finditer(code):
        if LEGACY in statement.group():
            yield from _imported(list(DOTTED.finditer(code, *statement.span())))


def _imported(words: List[Match[str]]) -> Found:
    end = {"from": 2, "import": len(words)}.get(words[0].group(), 0)
    yield from ((word.start(), IMPORTED) for before, word in zip(words, words[1:end])
                if before.group() != "as" and LEGACY_API.match(word.group()))


def _notebook(text: str) -> Found:
    """Search the source of each code cell; its type stands before it, as Jupyter sorts the keys."""
    kind = ""
    for match in JSON.finditer(text):
        kind = match.group(1) or kind
        if match.group(2) and kind == "code":
            yield from ((match.start(2) + at, what) for at, what in _script(ESCAPES.sub(_unescaped, match.group(2))))


def _unescaped(escapes: Match[str]) -> str:
    """Undo a row of JSON's escapes, behind as many blanks as it gets shorter; JSON's own quotes and commas go."""
    plain = ({"n": "\n", '"': '"', "\\": "\\"}.get(each, " ") for each in re.findall(r"\\(u....|.)", escapes.group()))
    return "".join(plain).rjust(len(escapes.group()))


KINDS: Tuple[Tuple[Pattern[str], Tuple[Callable[[str], Found], ...]], ...] = tuple(
    (re.compile(r"(?:.*/)?(?:{})".format(kinds)), scans) for kinds, scans in (
        (r"\.polyaxon|[^\n]*\.(?:dist|egg)-info/|[^/\n]*(?:\.pyw?|\.lock|ignore)\n", ()),  # and what pip writes down
        (r".*\.(?:md|markdown|rst|adoc|html?|tex|log|diff|patch)\n", ()),
        (r"(?:readme|changes|changelog|history|news|licen[cs]e)(?:\.txt)?\n", ()),
        (r".*\.ipynb\n", (_notebook,)),
        (r".*\.pyi\n|.*\n#!.*python", (_script,)),
        (r".*\.ya?ml\n", (_commands, _lines, partial(_lists, YAML_KEY, YAML_LISTS))),
        (r".*\.(?:toml|cfg|ini)\n|pipfile\n", (_commands, partial(_lists, TABLE_KEY, TABLE_LISTS))),
        (r"", (_commands, _lines)),
    ))
