"""Verified replacements in a text, and the tree that they should give."""
import ast
import re
import tokenize
from bisect import bisect_left
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from .result import Surprise, Unreadable
from .source import Source, parsed

OPEN, CLOSE = frozenset("([{"), frozenset(")]}")
REST_OF_LINE = re.compile(r"[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|$)")
BLANK_LINES = re.compile(r"(?:[ \t\f]*(?:\r\n|\r|\n))*")


class Edit(NamedTuple):
    start: int
    end: int
    old: str
    """What must stand there."""
    new: str


class Edits:
    """What is to be replaced in a text, and what its tree is to be then."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.edits: Dict[Tuple[int, int], Edit] = {}
        self.instead: Dict[ast.AST, List[ast.AST]] = {}
        """The nodes that a node becomes; it may be one of them."""
        self.statements: Dict[ast.stmt, Tuple[List[ast.stmt], List[ast.stmt], List[ast.stmt]]] = {}
        """What stands before a statement, in its place and behind it."""
        self.fields: Dict[Tuple[ast.AST, str], str] = {}
        """What a text in a node becomes."""
        self.roots: Set[int] = set()
        """Where expressions start whose continuation lines may have to move with a bracket."""

    def replace(self, start: int, end: int, new: str) -> None:
        old = self.source.text[start:end]
        if (start, end) in self.edits:  # two insertions
            new = self.edits[start, end].new + new
        self.edits[start, end] = Edit(start, end, old, new)

    def expression(self, node: ast.expr, start: int, end: int, new: str, root: ast.expr) -> None:
        """Put another expression in the place of one that is part of `root`."""
        self.replace(start, end, new)
        self.instead[node] = [ast.parse(new, mode="eval").body]
        self.realign(root)

    def realign(self, root: ast.expr) -> None:
        if getattr(root, "end_lineno", None) != root.lineno:  # Python 3.7 does not know it
            self.roots.add(self.source.start(root))

    def field(self, node: ast.AST, field: str, start: int, new: str) -> None:
        """Put another word in the place of the one that a field of a node has."""
        self.replace(start, start + len(getattr(node, field)), new)
        self.fields[node, field] = new

    def statement(self, node: ast.stmt, before: str = "", itself: Optional[str] = None, after: str = "") -> None:
        """Say what stands in a statement's place then; `itself` is what it becomes, "" for nothing."""
        front, middle, behind = self.statements.get(node, ([], [node], []))
        if itself is not None:
            middle = list(parsed(itself).body)
        self.statements[node] = (front + list(parsed(before).body), middle, behind + list(parsed(after).body))
        self.instead[node] = [each for part in self.statements[node] for each in part]

    def after(self, node: ast.stmt) -> bool:
        """Tell whether something new stands beside a statement."""
        return any(part for part in self.statements.get(node, ())[::2])

    # What comes of it

    def result(self) -> str:
        """Give the text after all edits; raises Surprise where it has another tree than was meant."""
        edits = sorted([*self.edits.values(), *self._aligning()], key=lambda edit: (edit.start, edit.end))
        parts: List[str] = []
        done = 0
        held: List[Tuple[int, List[ast.stmt]]] = []  # an edit takes these lines away with those that follow
        for start, end, statements in self._segments():
            if held:
                start, statements = held[0][0], held.pop()[1] + statements
            begin = done
            while begin < len(edits) and edits[begin].start < end:
                begin += 1
            if begin > done and edits[begin - 1].end > end:
                held.append((start, statements))
                continue
            if begin == done:
                parts.append(self.source.text[start:end])
                continue
            text = applied(self.source.text, start, end, edits[done:begin])
            done = begin
            self._verify(text, statements)
            parts.append(text)
        self.sorted = edits
        return "".join(parts)

    def moved(self, offset: int) -> int:
        """Give where something that stays stands after `result`."""
        return offset + sum(len(edit.new) - len(edit.old) for edit in self.sorted if edit.end <= offset)

    def _segments(self) -> Iterator[Tuple[int, int, List[ast.stmt]]]:
        """Give the lines of each of the module's statements; those that share a line are together."""
        start, statements = 0, []  # type: Tuple[int, List[ast.stmt]]
        for node in self.source.tree.body:
            begin = self.source.starts[first_line(node) - 1]
            goes_on = self.source.text[max(0, begin - 3):begin].rstrip("\r\n").endswith("\\")
            if begin > start and statements and node.col_offset >= 0 and not goes_on:  # below 0: a string, on 3.7
                yield start, begin, statements
                start, statements = begin, []
            statements.append(node)
        yield start, len(self.source.text) + 1, statements

    def _verify(self, text: str, statements: List[ast.stmt]) -> None:
        try:
            new = parsed(text)
        except Unreadable as error:
            raise Surprise("the new text does not parse: {}".format(error)) from None
        if not self._same(statements, new.body):
            raise Surprise("the new text has another tree than was meant")

    def _same(self, old: List[ast.stmt], new: List[ast.stmt]) -> bool:
        work: List[Tuple[object, object]] = [(old, new)]
        while work:
            one, other = work.pop()
            if isinstance(one, list):
                nodes = [each for node in one for each in self.instead.get(node, [node])]
                if not isinstance(other, list) or len(nodes) != len(other):
                    return False
                work += zip(nodes, other)
                continue
            if isinstance(one, ast.expr):
                one = self.instead.get(one, [one])[0]
            if type(one) is not type(other):
                return False
            if isinstance(one, ast.AST):
                work += [(self.fields.get((one, field), getattr(one, field, None)), getattr(other, field, None))
                         for field in one._fields if field != "ctx"]
            elif one != other:
                return False
        return True

    def _aligning(self) -> Iterator[Edit]:
        """Give the edits that keep continuation lines aligned with a bracket that moves."""
        edits = sorted(self.edits.values())
        done: Set[int] = set()
        for root in sorted(self.roots):
            yield from self._aligning_one(root, edits, done)

    def _aligning_one(self, root: int, edits: List[Edit], done: Set[int]) -> Iterator[Edit]:
        source = self.source
        brackets: List[Tuple[int, int, int]] = []  # the column behind each that is open, how far it and its line move
        line, shift, indented = source.line_start(root), 0, 0
        number = bisect_left(edits, (line,))
        strings = 0
        for kind, text, start, _ in source.tokens(root):
            begin = source.line_start(start)
            if begin != line:
                line, shift, indented = begin, 0, 0
                column, moves, hanging = brackets[-1] if brackets else (-1, 0, 0)
                moves = moves if start - begin == column else hanging
                if moves and not strings and begin not in done and not source.text[begin:start].strip():
                    shift = indented = moves
                    done.add(begin)
                    yield Edit(start, start, "", " " * shift) if shift > 0 else Edit(
                        start + shift, start, " " * -shift, "")
            while number < len(edits) and edits[number].end <= start:
                if edits[number].start >= line:
                    shift += len(edits[number].new) - len(edits[number].old)
                number += 1
            strings += _string_depth(kind)
            if text in OPEN and kind == tokenize.OP:
                brackets.append((start - line + 1, shift, indented))
            elif text in CLOSE and kind == tokenize.OP:
                if not brackets:
                    return
                brackets.pop()


def _string_depth(kind: int) -> int:
    """Give by how much a token goes into an f-string, from Python 3.12 on."""
    return {"FSTRING_START": 1, "FSTRING_END": -1}.get(tokenize.tok_name[kind], 0)


def applied(text: str, start: int, end: int, edits: List[Edit]) -> str:
    """Give a part of a text after these edits, which must not overlap."""
    parts: List[str] = []
    done = start
    for edit in edits:
        if edit.start < done or text[edit.start:edit.end] != edit.old:
            raise Surprise("an edit does not fit: {!r} at {}".format(edit.old, edit.start))
        parts += [text[done:edit.start], edit.new]
        done = edit.end
    return "".join(parts + [text[done:end]])


def stands_alone(source: Source, end: int) -> bool:
    """Tell whether nothing but a comment follows in the line."""
    return REST_OF_LINE.match(source.text, end) is not None


def first_line(node: ast.stmt) -> int:
    """Give the line where a statement begins, its decorators included."""
    decorators: List[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno] + [each.lineno for each in decorators])
