"""A module's text, its positions, and verified replacements in it.

Everything is found in a reading copy: line ends are \\n, and before Python 3.12 f-strings are opened up, character by
character, since there neither the tokenizer nor the tree says where the names in them stand. Its lines and columns are
those of the text.
"""
import ast
import io
import re
import sys
import tokenize
import warnings
from bisect import bisect_right
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

LINE_END = re.compile(r"\r\n|\r|\n")  # str.splitlines() knows more of them than Python does
FSTRING = re.compile(r"[fF][rR]?['\"]|[rR][fF]['\"]")
STRING = re.compile(r"([a-zA-Z]*)('''|\"\"\"|'|\")")
PARSE_ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError, tokenize.TokenError)


class Unreadable(Exception):
    """Python can't parse the text."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class Surprise(Exception):
    """Something that this program takes for impossible; the text is left as it is."""


class Edit(NamedTuple):
    start: int
    end: int
    old: str
    """What must stand there."""
    new: str


class Token(NamedTuple):
    kind: int
    text: str
    start: int
    end: int


def parse(text: str, compiles: bool = False) -> ast.Module:
    """The tree, if asked of what also compiles: `return` outside of a function parses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if compiles:
                compile(text, "<text>", "exec", dont_inherit=True)
            return ast.parse(text)
    except PARSE_ERRORS as error:
        message = getattr(error, "msg", None) or str(error) or type(error).__name__
        raise Unreadable(message, getattr(error, "lineno", None) or 1) from None


def applied(text: str, edits: List[Edit]) -> str:
    """The text after all edits, which must not overlap."""
    parts: List[str] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < done or text[edit.start:edit.end] != edit.old:
            raise Surprise("an edit does not fit: {!r} at {}".format(edit.old, edit.start))
        parts += [text[done:edit.start], edit.new]
        done = edit.end
    return "".join(parts + [text[done:]])


def same(old: Any, new: Any, swaps: Dict[ast.AST, List[ast.AST]], added: Dict[ast.AST, List[ast.AST]]) -> bool:
    """Whether the trees are equal but for nodes of the old one that others replace, and statements added before it."""
    work = [(old, new)]
    while work:
        one, other = work.pop()
        if isinstance(one, list):
            nodes = [each for node in one for each in _instead(node, swaps, added)]
            if not isinstance(other, list) or len(nodes) != len(other):
                return False
            work += zip(nodes, other)
            continue
        if isinstance(one, ast.AST) and one in swaps:
            one = swaps[one][0]
        if type(one) is not type(other):
            return False
        if isinstance(one, ast.AST):
            work += [(getattr(one, field, None), getattr(other, field, None)) for field in one._fields]
        elif one != other:
            return False
    return True


def _instead(node: Any, swaps: Dict[ast.AST, List[ast.AST]], added: Dict[ast.AST, List[ast.AST]]) -> List[Any]:
    return added.get(node, []) + swaps.get(node, [node]) if isinstance(node, ast.AST) else [node]


class Source:
    """A text, read."""

    def __init__(self, text: str) -> None:
        self.text = text
        ends = list(LINE_END.finditer(text))
        self.newline = ends[0].group() if ends else "\n"
        self.starts = [0] + [end.end() for end in ends]
        self._lines = LINE_END.split(text)
        self._debugged: List[Tuple[int, int]] = []
        copy = "\n".join(self._lines)
        self.tree = parse(copy)
        self._tokenized: Optional[Tuple[List[Token], List[int]]] = None
        try:
            while sys.version_info < (3, 12) and FSTRING.search(copy):
                tokens = _tokenize(copy)
                if not any(token.type == tokenize.STRING and _is_fstring(token.string) for token in tokens):
                    break
                copy = self._opened(copy, tokens)
                self.tree = parse(copy)
        except (Unreadable, IndexError) as error:
            raise Surprise("tokens and tree differ: {}".format(error)) from None
        self._copy = copy
        self._copied = copy.split("\n")

    @property
    def tokens(self) -> List[Token]:
        """The copy's tokens, read when first asked for."""
        return self._read_tokens()[0]

    def _read_tokens(self) -> Tuple[List[Token], List[int]]:
        if self._tokenized is None:
            starts = self.starts + [len(self.text)] * 2  # the last tokens stand behind the last line
            tokens = [Token(token[0], token[1], starts[token[2][0] - 1] + token[2][1],
                    starts[token[3][0] - 1] + token[3][1])
                      for token in _tokenize(self._copy)]
            self._tokenized = tokens, [token.start for token in tokens]
        return self._tokenized

    def at(self, line: int, column: int) -> int:
        """The offset of a line, from 1, and a column in characters."""
        return min(self.starts[line - 1] + column if line <= len(self.starts) else len(self.text), len(self.text))

    def start(self, node: Any) -> int:
        """The offset where a node starts; the tree's columns count bytes of UTF-8."""
        line = self._copied[node.lineno - 1].encode("utf-8", "surrogatepass")
        return self.at(node.lineno, len(line[:node.col_offset].decode("utf-8", "replace")))

    def position(self, offset: int) -> Tuple[int, int]:
        """Line and column, both from 1, as editors show them."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def line(self, number: int) -> str:
        return self._lines[number - 1]

    def token_at(self, offset: int) -> int:
        """The number of the token that starts there."""
        index = bisect_right(self._read_tokens()[1], offset) - 1
        if index < 0 or self.tokens[index].start != offset:
            raise Surprise("no token starts at {}:{}".format(*self.position(offset)))
        return index

    def next_token(self, index: int) -> int:
        """The number of the next token that is no comment or line break in parentheses."""
        index += 1
        while self.tokens[index].kind in (tokenize.NL, tokenize.COMMENT):
            index += 1
        return index

    def is_(self, index: int, text: str) -> bool:
        """Whether the token is this, in the text too and not only in the opened copy."""
        token = self.tokens[index]
        return token.text == text and self.text[token.start:token.end] == text

    def in_debugged(self, offset: int) -> bool:
        """Whether it is in a field such as `{name=}`, which prints its own text."""
        return any(start <= offset < end for start, end in self._debugged)

    def indent_at(self, offset: int) -> str:
        line = self._lines[bisect_right(self.starts, offset) - 1]
        return line[:len(line) - len(line.lstrip(" \t\f"))].replace("\f", "")

    def unit(self) -> str:
        """One level of this file's indentation."""
        return next((token.text for token in self.tokens if token.kind == tokenize.INDENT), "    ")

    # f-strings

    def _opened(self, copy: str, tokens: List[Any]) -> str:
        """The copy with f"a{b!r:{c}}" as (  (b   (c))), of the same length; strings next to one as ( )."""
        chars = list(copy)
        group: List[Any] = []
        for token in tokens:
            if token.type == tokenize.STRING:
                group.append(token)
            elif token.type not in (tokenize.NL, tokenize.COMMENT):
                if any(_is_fstring(member.string) for member in group):
                    for member in group:
                        self._open(chars, member)
                group = []
        return "".join(chars)

    def _open(self, chars: List[str], token: Any) -> None:
        starts = [0]
        for line in self._lines:
            starts.append(starts[-1] + len(line) + 1)
        first = starts[token.start[0] - 1] + token.start[1]
        string = token.string
        opened = [char if char == "\n" else " " for char in string]
        opened[0], opened[-1] = "(", ")"
        if _is_fstring(string):
            prefix, quote = _match(string)
            for start, end in _open_fields(string, opened, len(prefix) + len(quote), len(string) - len(quote), prefix):
                line = token.start[0] + string.count("\n", 0, start)
                column = start - string.rfind("\n", 0, start) - 1 + (token.start[1] if "\n" not in string[:start]
                        else 0)
                self._debugged.append((self.at(line, column), self.at(line, column) + end - start))
        chars[first:first + len(string)] = opened

    def prints_itself(self, value: Any) -> bool:
        """Whether `=` follows this expression of a field; from 3.12 on, where nodes have ends and f-strings tokens."""
        line = self._copied[value.end_lineno - 1].encode("utf-8", "surrogatepass")
        rest = line[value.end_col_offset:].decode("utf-8", "replace").lstrip(" )")
        return rest.startswith("=") and not rest.startswith("==")


def _tokenize(text: str) -> List[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # from 3.12 on it warns of escapes such as \{, as the parser does
            return list(tokenize.generate_tokens(io.StringIO(text).readline))
    except PARSE_ERRORS as error:
        raise Surprise("what parses has no tokens: {}".format(error)) from None


def _match(string: str) -> Tuple[str, str]:
    match = STRING.match(string)
    return (match.group(1).lower(), match.group(2)) if match else ("", "")


def _is_fstring(string: str) -> bool:
    return "f" in _match(string)[0]


def _open_fields(string: str, opened: List[str], at: int, end: int, prefix: str) -> List[Tuple[int, int]]:
    """Write the fields of an f-string's body into `opened`; returns where those are that print their own text."""
    debugged: List[Tuple[int, int]] = []
    nesting = 0  # format specifications that we are in
    while at < end:
        char = string[at]
        if char == "\\" and "r" not in prefix:
            named = string.startswith("\\N{", at)
            at = string.index("}", at) + 1 if named else at + (1 if string[at + 1] in "{}" else 2)
        elif char == "{" and not nesting and string[at + 1] == "{":
            at += 2
        elif char == "{":
            start = at + 1
            opened[at] = "("
            at = _field_end(string, start)
            opened[start:at] = string[start:at]
            if string[at] == "=":
                debugged.append((start, at))
            while string[at] not in ":}":  # !r
                at += 1
            if string[at] == ":":
                nesting += 1
            else:
                opened[at] = ")"
            at += 1
        elif char == "}" and nesting:
            opened[at] = ")"
            nesting -= 1
            at += 1
        else:
            at += 2 if char == "}" else 1
    return debugged


def _field_end(string: str, at: int) -> int:
    """Where the expression that starts there ends: at a `!`, `:`, `=` or `}` of its field."""
    depth = 0
    quote: Optional[str] = None
    while True:
        char = string[at]
        if quote:
            if string.startswith(quote, at):
                at += len(quote) - 1
                quote = None
        elif char in "'\"":
            quote = char * 3 if string.startswith(char * 3, at) else char
            at += len(quote) - 1
        elif char in "([{":
            depth += 1
        elif char in ")]}" and depth:
            depth -= 1
        elif not depth and char in "!=<>" and string[at + 1] == "=":
            at += 1
        elif not depth and char in "!:}=":
            return at
        at += 1
