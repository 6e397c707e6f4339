"""A module's text, and where things stand in it.

It is read with its f-strings opened up, character by character: before Python 3.12 the tree does not say where the
names in them stand. That the text parses is what makes so little reading of it enough.
"""
import ast
import re
import warnings
from bisect import bisect_left, bisect_right
from typing import Any, Dict, List, NamedTuple, Tuple

LINE_END = re.compile(r"\r\n|\r|\n")  # str.splitlines() knows more of them than Python does
BLANK = re.compile(r"(?:[ \t\f]|\\(?:\r\n|\r|\n))*")
GAP = re.compile(r"(?:[ \t\f\r\n\\]|#[^\r\n]*)*")
"""What may stand between two tokens, in a simple statement and in parentheses."""
PIECE = re.compile(r"[^\s.,();#\\]+|[.,()]")
"""What import statements are made of."""

FSTRING = re.compile(r"[fF][rR]?['\"]|[rR][fF]['\"]")
LITERAL = r"#[^\r\n]*|(?P<prefix>\b(?:[fF][rR]?|[rR][fFbB]?|[bB][rR]?|[uU]))?(?P<quote>'''|\"\"\"|'|\")"
IN_MODULE = re.compile(LITERAL)
IN_FIELD = re.compile(LITERAL + r"|[!=<>]=|[\[\](){}:!=]")
IN_LINE = re.compile(LITERAL + r"|[\[\](){};]|\\?(?:\r\n|\r|\n)")
ENDS = {
    "'": re.compile(r"[^'\\]*(?:\\.[^'\\]*)*'", re.S),
    '"': re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.S),
    "'''": re.compile(r"[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''", re.S),
    '"""': re.compile(r'[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""', re.S),
}
"""The rest of a string, by its quotes."""
PARSE_ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)


class Unreadable(Exception):
    """Python can't parse the text."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class Surprise(Exception):
    """Something that this program takes for impossible; the text is left as it is."""


class Span(NamedTuple):
    start: int
    end: int


class Imported(NamedTuple):
    """The names of an import statement, as they stand in the text."""

    spans: List[Span]
    """Each with its `as`."""
    end: int
    parenthesized: bool


class Line(NamedTuple):
    """A logical line."""

    start: int
    separators: List[int]
    """Where its semicolons stand."""
    end: int


class Source:
    """A text, read."""

    def __init__(self, text: str) -> None:
        self.text = text
        ends = list(LINE_END.finditer(text))
        self.newline = ends[0].group() if ends else "\n"
        self.starts = [0] + [end.end() for end in ends]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                compile(text, "<text>", "exec", dont_inherit=True)  # `return` outside of a function would parse
            except PARSE_ERRORS as error:
                message = getattr(error, "msg", None) or str(error) or type(error).__name__
                raise Unreadable(message, getattr(error, "lineno", None) or 1) from None
            self._opened, self._debugged = opened(text) if FSTRING.search(text) else (text, [])
            try:
                self.tree = ast.parse(self._opened)
            except PARSE_ERRORS as error:
                raise Surprise("what compiles does not parse: {}".format(error)) from None

    def at(self, line: int, column: int) -> int:
        """The offset of a line, from 1, and a column in characters."""
        return min(self.starts[line - 1] + column if line <= len(self.starts) else len(self.text), len(self.text))

    def start(self, node: Any) -> int:
        """The offset where a node starts; the tree's columns count bytes of UTF-8."""
        begin: int = self.starts[node.lineno - 1]
        size: int = node.col_offset
        line = self._opened[begin:begin + size].encode("utf-8", "surrogatepass")[:size]
        return begin + len(line.decode("utf-8", "replace"))

    def position(self, offset: int) -> Tuple[int, int]:
        """Line and column, both from 1, as editors show them."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def line(self, number: int) -> str:
        return self.text[self.starts[number - 1]:self.line_end(self.starts[number - 1])]

    def line_end(self, offset: int) -> int:
        match = LINE_END.search(self.text, offset)
        return match.start() if match else len(self.text)

    def next(self, offset: int) -> int:
        """Where the next token starts, in parentheses or where the statement surely goes on."""
        return _end(GAP, self.text, offset)

    def imported(self, offset: int) -> Imported:
        """The names of the import statement that starts there."""
        spans: List[Span] = []
        begin = end = -1
        reached = parenthesized = False
        while True:
            offset = _end(GAP if parenthesized else BLANK, self.text, offset)
            match = PIECE.match(self.text, offset)
            if match is None or match.group() == ")":
                spans += [Span(begin, end)] if begin >= 0 else []
                return Imported(spans, offset + 1 if match else end, parenthesized)
            offset = match.end()
            if match.group() == "import":
                reached = True
            elif match.group() == "(":
                parenthesized = True
            elif match.group() == ",":
                spans.append(Span(begin, end))
                begin = -1
            elif reached:
                begin, end = match.start() if begin < 0 else begin, match.end()

    def logical_line(self, offset: int) -> Line:
        """The logical line that an offset is in."""
        start, at, depth = 0, 0, 0
        separators: List[int] = []
        while True:
            match = IN_LINE.search(self._opened, at)
            if match is None:
                return Line(start, separators, len(self.text))
            at = match.end()
            piece = match.group()
            if match.group("quote"):
                at = _end(ENDS[match.group("quote")], self._opened, at)
            elif piece in ("(", "[", "{"):
                depth += 1
            elif piece in (")", "]", "}"):
                depth -= 1
            elif piece == ";":
                separators.append(match.start())
            elif piece[0] in "\r\n" and not depth:
                if at > offset:
                    return Line(start, separators, match.start())
                start, separators = at, []

    def blocks(self, but: List[int]) -> Dict[ast.stmt, str]:
        """The text of the module's compound statements, which says what tree they have; not those with these lines."""
        body = self.tree.body
        lines = [min(each.lineno for each in [node, *getattr(node, "decorator_list", [])]) for node in body]
        lines.append(len(self.starts) + 1)
        offsets = self.starts + [len(self.text)]
        but = sorted(but)
        return {node: self.text[offsets[line - 1]:offsets[following - 1]]
                for node, line, following in zip(body, lines, lines[1:])
                if hasattr(node, "body") and bisect_left(but, line) == bisect_left(but, following)}

    def in_debugged(self, offset: int) -> bool:
        """Whether it is in a field such as `{name=}`, which prints its own text."""
        return any(start <= offset < end for start, end in self._debugged)

    def indent_at(self, offset: int) -> str:
        line = self.line(bisect_right(self.starts, offset))
        return line[:len(line) - len(line.lstrip(" \t\f"))].replace("\f", "")

    def unit(self) -> str:
        """One level of this file's indentation."""
        match = re.search(r"^\w[^\r\n]*:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)([ \t]+)[^\s#]", self.text, re.M)
        return match.group(1) if match else "    "


def _end(pattern: "re.Pattern[str]", text: str, offset: int) -> int:
    match = pattern.match(text, offset)
    if match is None:
        raise Surprise("a string does not end")
    return match.end()


# f-strings

def opened(text: str) -> Tuple[str, List[Span]]:
    """The text with f"a{b!r:{c}}" as (  (b   (c))), of the same length, and where fields are that print themselves."""
    chars = list(text)
    debugged: List[Span] = []
    try:
        _open_code(text, 0, chars, debugged, IN_MODULE)
    except IndexError:
        raise Surprise("an f-string does not end") from None
    return "".join(chars), debugged


def _open_code(text: str, at: int, chars: List[str], debugged: List[Span],
               pattern: "re.Pattern[str]") -> int:
    """Open the f-strings of the module, or of a field's expression; returns where that ends."""
    depth = 0
    joined = -1  # where a string would be one with the f-string before it
    while True:
        match = pattern.search(text, at)
        if match is None:
            return len(text)
        start, at, piece = match.start(), match.end(), match.group()
        if match.group("quote"):
            if "f" in (match.group("prefix") or "").lower():
                at = joined = _open_string(text, match, chars, debugged)
            else:
                at = _end(ENDS[match.group("quote")], text, at)
                if start == joined:
                    _blank(text, chars, start, at)
                    chars[start], chars[at - 1] = "()"
                    joined = at
            joined = _end(GAP, text, joined) if joined == at else -1
        elif pattern is IN_FIELD:
            if piece in ("(", "[", "{"):
                depth += 1
            elif piece in (")", "]", "}") and depth:
                depth -= 1
            elif piece in (":", "!", "=", "}") and not depth:
                return start


def _open_string(text: str, match: "re.Match[str]", chars: List[str], debugged: List[Span]) -> int:
    """Open the f-string that starts there; returns where it ends."""
    quote, is_raw = match.group("quote"), "r" in match.group("prefix").lower()
    at = match.end()
    nesting = 0  # format specifications that we are in
    _blank(text, chars, match.start(), at)
    chars[match.start()] = "("
    while not text.startswith(quote, at):
        start, char = at, text[at]
        if char == "{" and (nesting or text[at + 1] != "{"):
            chars[at] = "("
            at = end = _open_code(text, at + 1, chars, debugged, IN_FIELD)
            if text[end] == "=":
                debugged.append(Span(start, end))
            while text[at] not in ":}":  # !r
                at += 1
            _blank(text, chars, end, at + 1)
            if text[at] == ":":
                nesting += 1
            else:
                chars[at] = ")"
            at += 1
        elif char == "}" and nesting:
            chars[at] = ")"
            nesting -= 1
            at += 1
        else:
            if char == "\\":
                named = not is_raw and text.startswith("\\N{", at)
                at = text.index("}", at) + 1 if named else at + (1 if text[at + 1] in "{}" else 2)
            else:
                at += 2 if char in "{}" else 1
            _blank(text, chars, start, at)
    _blank(text, chars, at, at + len(quote))
    at += len(quote)
    chars[at - 1] = ")"
    return at


def _blank(text: str, chars: List[str], start: int, end: int) -> None:
    chars[start:end] = [char if char in "\r\n" else " " for char in text[start:end]]
