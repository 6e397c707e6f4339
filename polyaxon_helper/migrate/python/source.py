"""A module's text, its tree, and where in the text the nodes of the tree stand."""
import ast
import re
import sys
import tokenize
import warnings
from bisect import bisect_right
from contextlib import suppress
from typing import List, NamedTuple, Optional, Tuple, Union

LINE_END = re.compile(r"\r\n|\r|\n")  # str.splitlines() knows more of them than Python does
GAP = r"(?:[ \t\f\r\n\\]|#[^\r\n]*)*"  # what may stand between two tokens in parentheses
UNIT = re.compile(r"(?:\A|(?<=[\r\n]))\w[^\r\n]*:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)([ \t]+)[^\s#]")
STRING = "value" if sys.version_info >= (3, 8) else "s"  # the field of a string constant that has its text


class Unreadable(SyntaxError):
    """Python can't parse the text; `msg` says why, `lineno` where."""


class Surprise(Exception):
    """Something that this program takes for impossible; the text is left as it is."""


class Token(NamedTuple):
    kind: int
    text: str
    start: int  # an offset in the whole text, as the end
    end: int


def parsed(text: Union[str, bytes]) -> ast.Module:
    """Give the tree of a text; raises Unreadable."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            message = getattr(error, "msg", None) or str(error) or type(error).__name__
            raise Unreadable(message, (None, getattr(error, "lineno", None) or 1, None, None)) from None


def line_starts(text: str) -> List[int]:
    """Give the offsets where the lines of a text start."""
    return [0] + [end.end() for end in LINE_END.finditer(text)]


def position(starts: List[int], offset: int) -> Tuple[int, int]:
    """Give line and column, both from 1, as editors show them, in a text with these lines."""
    line = bisect_right(starts, offset)
    return line, offset - starts[line - 1] + 1


class Source:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = parsed(text)
        self.newline = next((end.group() for end in LINE_END.finditer(text)), "\n")
        self.starts = line_starts(text)
        self.unit = next((each.group(1) for each in UNIT.finditer(text)), "    ")  # one level of indentation

    def start(self, node: Union[ast.stmt, ast.expr, ast.ExceptHandler]) -> int:
        """Give the offset where a node starts; the tree's columns count bytes of UTF-8."""
        begin, column = self.starts[node.lineno - 1], max(0, node.col_offset)  # below 0: a long string, on Python 3.7
        if not self.text.isascii():
            line = self.text[begin:begin + column].encode("utf-8", "surrogatepass")
            column = len(line[:column].decode("utf-8", "replace"))
        return begin + column

    def line_start(self, offset: int) -> int:
        return self.starts[bisect_right(self.starts, offset) - 1]

    def line_end(self, offset: int) -> int:
        """Give where the line of an offset ends, its line end not counted."""
        return next((end.start() for end in LINE_END.finditer(self.text, offset)), len(self.text))

    def indent(self, offset: int) -> str:
        """Give what stands in front of the first word of an offset's line."""
        line = self.text[self.line_start(offset):self.line_end(offset)]
        return line[:len(line) - len(line.lstrip())].replace("\f", "")

    def word(self, offset: int, *words: str) -> Optional[int]:
        """Give where these words end, if they are what stands there."""
        found = re.compile("".join(GAP + re.escape(word) for word in words)).match(self.text, offset)
        return found.end() if found else None

    def tokens(self, offset: int) -> List[Token]:
        """Give the tokens from an offset to the end of its logical line."""
        starts = [offset, *self.starts[bisect_right(self.starts, offset):]]
        lines = (self.text[start:self.line_end(start)] + "\n" for start in starts)
        found: List[Token] = []
        with warnings.catch_warnings(), suppress(tokenize.TokenError, SyntaxError, IndexError):  # behind an expression
            warnings.simplefilter("ignore")
            tokens = tokenize.generate_tokens(lambda: next(lines, ""))
            for kind, text, begin, end, _ in tokens:  # pragma: no branch - a logical line has an end
                found.append(Token(kind, text, *(starts[line - 1] + column for line, column in (begin, end))))
                if kind == tokenize.NEWLINE:
                    break
        return found
