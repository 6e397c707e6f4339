"""Verified replacements in a text, and the tree that they should give."""
import ast
import re
import tokenize
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from .source import LINE_END, Source, Surprise, Unreadable, parsed

MARK = "#\ue000"
MARKS = re.compile(MARK + r"(\d)(=?)")
BLANK = re.compile(r"(?:[ \t]*(?:#\ue000\d=?)?(?:\r\n|\r|\n))*(?:[ \t]*(?:#\ue000\d=?)?\Z)?")  # and marks


class Change(NamedTuple):  # what is to be written in the place of a node, or of a text in it
    node: ast.AST
    start: int
    end: int
    new: str
    field: str = ""  # the text in the node that changes; "" where all of it does


class Edit(NamedTuple):
    start: int
    end: int
    new: str

    def growth(self) -> int:
        return len(self.new) - (self.end - self.start)


def mark(blank_lines: int, exact: bool = False) -> str:
    """Give a line that asks for so many blank lines in its place, or more if they are there already."""
    return "{}{}{}".format(MARK, blank_lines, "=" * exact)


class Edits:
    """Collects what is to be replaced in a text, and what its tree is to be then."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.edits: Dict[Tuple[int, int], str] = {}
        self.instead: Dict[ast.AST, List[ast.AST]] = {}  # the nodes that a node becomes; it may be one of them
        self.statements: Dict[ast.stmt, Tuple[List[ast.stmt], List[ast.stmt], List[ast.stmt]]] = {}
        self.fields: Dict[Tuple[ast.AST, str], str] = {}  # what a text in a node becomes
        self.lines: Set[int] = set()  # where logical lines start that may have to move with a bracket
        self.passes: List[Tuple[List[int], List[int]]] = []  # where edits end, and how far what follows them moves

    def replace(self, start: int, end: int, new: str) -> None:
        self.edits[start, end] = self.edits.get((start, end), "") + new  # what is inserted at one place adds up

    def change(self, change: Change, new: str, line: int) -> None:
        """Make a change, with this text, in the logical line that starts there."""
        self.replace(change.start, change.end, new)
        self.lines.add(line)
        if change.field:
            self.fields[change.node, change.field] = new
        else:
            self.instead[change.node] = [ast.parse(new, mode="eval").body]

    def statement(self, node: ast.stmt, before: str = "", itself: Optional[str] = None, after: str = "") -> None:
        """Say what stands in a statement's place then; `itself` is what it becomes, "" for nothing."""
        front, middle, behind = self.statements.get(node, ([], [node], []))
        middle = middle if itself is None else list(parsed(itself).body)
        self.statements[node] = front + parsed(before).body, middle, behind + parsed(after).body
        self.instead[node] = [each for part in self.statements[node] for each in part]

    def is_gone(self, node: ast.stmt) -> bool:
        """Tell whether nothing is left in a statement's place, nor beside it."""
        return self.instead.get(node, [node]) == []

    def result(self) -> str:
        """Give the text after all edits; raises Surprise where it has another tree than was meant."""
        if MARK in self.source.text:
            raise Surprise("the text has a comment of private use, {!r}".format(MARK))
        edits = sorted(Edit(*span, new) for span, new in self.edits.items())
        edits = sorted([*edits, *self._aligning(edits)])
        marked = applied(self.source.text, edits)
        self._verify(marked, edits)
        tidying = list(_tidying(marked, self.source.newline))
        self.passes = [([edit.end for edit in each], [0, *accumulate(map(Edit.growth, each))])
                       for each in (edits, tidying)]
        return applied(marked, tidying)

    def moved(self, offset: int) -> int:
        """Give where something that stays stands after `result`."""
        for ends, moves in self.passes:
            offset += moves[bisect_right(ends, offset)]
        return offset

    def _verify(self, text: str, edits: List[Edit]) -> None:
        """Compare the statements that have edits with the tree of the new text."""
        try:
            tree = parsed(text).body
        except Unreadable as error:
            raise Surprise("the new text does not parse: {}".format(error)) from None
        body, at = self.source.tree.body, 0
        starts = [begin(self.source, node) for node in body]
        work: List[Tuple[object, object]] = []
        for node, start, end in zip(body, starts, [*starts[1:], len(self.source.text) + 1]):
            count = len(self.instead.get(node, [node]))
            if node in self.instead or bisect_left(edits, (start,)) < bisect_left(edits, (end,)):
                work.append(([node], tree[at:at + count]))
            at += count
        if at != len(tree):
            raise Surprise("the new text has more statements than were meant, or less")
        self._compare(work)

    def _compare(self, work: List[Tuple[object, object]]) -> None:
        while work:
            one, other = work.pop()
            one = self.instead.get(one, [one])[0] if isinstance(one, ast.expr) else one
            if isinstance(one, list) and isinstance(other, list):
                one = [each for node in one for each in self.instead.get(node, [node])]
                work += zip(one, other)
                one, other = len(one), len(other)
            if isinstance(one, ast.AST) and type(one) is type(other):
                work += [(self.fields.get((one, field), getattr(one, field, None)), getattr(other, field, None))
                         for field in one._fields if field != "ctx"]
            elif type(one) is not type(other) or one != other:
                raise Surprise("the new text has another tree than was meant")

    def _aligning(self, edits: List[Edit]) -> Iterator[Edit]:
        """Give the edits that keep continuation lines aligned with a bracket that moves."""
        for logical in sorted(self.lines):
            line, shift, indented, strings = self.source.line_start(logical), 0, 0, 0
            number = bisect_left(edits, (logical,))
            brackets: List[Tuple[int, int, int]] = []  # the column behind each, how far it moves, and how far its line
            for kind, text, start, _ in self.source.tokens(logical):
                while number < len(edits) and edits[number].end <= start:
                    shift += edits[number].growth()
                    number += 1
                top = self.source.line_start(start)
                if top != line:
                    column, shift, hanging = brackets[-1] if brackets else (-1, 0, 0)
                    is_first = not strings and not self.source.text[top:start].strip()
                    line, shift = top, (shift if start - top == column else hanging) * is_first
                    indented = shift
                    if shift:
                        yield Edit(max(top, start + min(0, shift)), start, " " * shift)
                strings += {"FSTRING_START": 1, "FSTRING_END": -1}.get(tokenize.tok_name[kind], 0)
                if kind == tokenize.OP and text in "([{":
                    brackets.append((start - line + 1, shift, indented))
                elif kind == tokenize.OP and text in ")]}":
                    brackets.pop()


def applied(text: str, edits: List[Edit]) -> str:
    """Give a text after these edits."""
    parts, start = [], 0  # type: List[str], int
    for edit in edits:
        if edit.start < start:
            raise Surprise("edits overlap at {}".format(edit.start))
        parts += [text[start:edit.start], edit.new]
        start = edit.end
    return "".join(parts + [text[start:]])


def _tidying(text: str, newline: str) -> Iterator[Edit]:
    """Give the edits that put blank lines in the place of marks: the most that a mark asks for, or that are there."""
    at = text.find(MARK)
    while at >= 0:
        above = len(text[:at].rstrip(" \t\r\n"))
        match = LINE_END.search(text, above)
        start = match.end() if above and match else 0
        start, end = next(BLANK.finditer(text, start)).span()  # which may be empty
        gaps = MARKS.split(text[start:end])  # what stands around the marks, and what they ask for
        asked = [int(lines) for lines in gaps[1::3]]
        if "=" not in gaps[2::3]:
            asked += [len(LINE_END.findall(gap)) - (number > 0) for number, gap in enumerate(gaps[::3])]
        yield Edit(start, end, newline * (max(asked) if above and end < len(text) else 0))
        at = text.find(MARK, end)


def begin(source: Source, node: ast.stmt) -> int:
    """Give where a statement begins, its decorators included."""
    decorators: List[ast.expr] = getattr(node, "decorator_list", [])
    return min([source.start(node)] + [source.line_start(source.start(each)) for each in decorators])
