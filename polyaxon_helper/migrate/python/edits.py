"""Verified replacements in a text, and the tree that they should give."""
import ast
import re
import tokenize
from bisect import bisect_left
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from .source import LINE_END, Source, Surprise, Unreadable, parsed

MARK = "#\ue000"
BLANK = re.compile(r"[ \t\f]*(?:#\ue000(\d)(=?))?(?:\r\n|\r|\n|$)")  # a blank line, or a mark


class Edit(NamedTuple):
    start: int
    end: int
    old: str  # what must stand there
    new: str


def mark(blank_lines: int, exact: bool = False) -> str:
    """Give a line that asks for so many blank lines in its place, or more if they are there already."""
    return "{}{}{}".format(MARK, blank_lines, "=" * exact)


class Edits:
    """What is to be replaced in a text, and what its tree is to be then."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.edits: Dict[Tuple[int, int], Edit] = {}
        self.instead: Dict[ast.AST, List[ast.AST]] = {}  # the nodes that a node becomes; it may be one of them
        self.statements: Dict[ast.stmt, Tuple[List[ast.stmt], List[ast.stmt], List[ast.stmt]]] = {}
        self.fields: Dict[Tuple[ast.AST, str], str] = {}  # what a text in a node becomes
        self.roots: Set[int] = set()  # where expressions start whose lines may have to move with a bracket
        self.passes: List[List[Edit]] = []  # once there is a result

    def replace(self, start: int, end: int, new: str) -> None:
        old = self.edits.get((start, end), Edit(start, end, self.source.text[start:end], ""))
        self.edits[start, end] = old._replace(new=old.new + new)  # what is inserted at one place follows each other

    def expression(self, node: ast.expr, start: int, end: int, new: str, root: ast.expr) -> None:
        """Put another expression in the place of one that is part of `root`."""
        self.replace(start, end, new)
        self.instead[node] = [ast.parse(new, mode="eval").body]
        if getattr(root, "end_lineno", None) != root.lineno:  # Python 3.7 does not know it
            self.roots.add(self.source.start(root))

    def field(self, node: ast.AST, field: str, start: int, new: str) -> None:
        """Put another word in the place of the one that a field of a node has."""
        self.replace(start, start + len(getattr(node, field)), new)
        self.fields[node, field] = new

    def statement(self, node: ast.stmt, before: str = "", itself: Optional[str] = None, after: str = "") -> None:
        """Say what stands in a statement's place then; `itself` is what it becomes, "" for nothing."""
        front, middle, behind = self.statements.get(node, ([], [node], []))
        middle = middle if itself is None else list(parsed(itself).body)
        self.statements[node] = front + parsed(before).body, middle, behind + parsed(after).body
        self.instead[node] = [each for part in self.statements[node] for each in part]

    def is_gone(self, node: ast.stmt) -> bool:
        """Tell whether nothing is left in a statement's place, nor beside it."""
        return self.instead.get(node, [node]) == []

    # What comes of it

    def result(self) -> str:
        """Give the text after all edits; raises Surprise where it has another tree than was meant."""
        edits = sorted([*self.edits.values(), *self._aligning()], key=lambda edit: (edit.start, edit.end))
        parts: List[str] = []
        segments = list(self._segments())[::-1]
        done = 0
        while segments:
            start, end, statements = segments.pop()
            begin = done
            while done < len(edits) and edits[done].start < end:
                done += 1
                while segments and edits[done - 1].end > end:  # it goes over statements
                    end, statements = segments[-1][1], statements + segments.pop()[2]
            text = applied(self.source.text, start, end, edits[begin:done])
            if begin < done or any(node in self.instead for node in statements):
                self._verify(text, statements)
            parts.append(text)
        marked = "".join(parts)
        tidying = list(_tidying(marked, self.source.newline))
        self.passes = [edits, tidying]
        return applied(marked, 0, len(marked), tidying)

    def moved(self, offset: int) -> int:
        """Give where something that stays stands after `result`."""
        for edits in self.passes:
            offset += sum(len(edit.new) - len(edit.old) for edit in edits if edit.end <= offset)
        return offset

    def _segments(self) -> Iterator[Tuple[int, int, List[ast.stmt]]]:
        """Give the lines of each of the module's statements; those that share a line are together."""
        start, statements = 0, []  # type: Tuple[int, List[ast.stmt]]
        for node in self.source.tree.body:
            begin = self.source.starts[first_line(node) - 1]
            if statements and not shares_line(self.source, node):
                yield start, begin, statements
                start, statements = begin, []
            statements.append(node)
        yield start, len(self.source.text) + 1, statements

    def _verify(self, text: str, statements: List[ast.stmt]) -> None:
        try:
            work: List[Tuple[object, object]] = [(statements, parsed(text).body)]
        except Unreadable as error:
            raise Surprise("the new text does not parse: {}".format(error)) from None
        while work:
            one, other = work.pop()
            if isinstance(one, ast.expr):
                one = self.instead.get(one, [one])[0]
            if isinstance(one, list) and isinstance(other, list):
                one = [each for node in one for each in self.instead.get(node, [node])]
                work += zip(one, other)
                one, other = len(one), len(other)
            if isinstance(one, ast.AST) and type(one) is type(other):
                work += [(self.fields.get((one, field), getattr(one, field, None)), getattr(other, field, None))
                         for field in one._fields if field != "ctx"]
            elif type(one) is not type(other) or one != other:
                raise Surprise("the new text has another tree than was meant")

    def _aligning(self) -> Iterator[Edit]:
        """Give the edits that keep continuation lines aligned with a bracket that moves."""
        edits = sorted(self.edits.values())
        done: Set[int] = set()
        for root in sorted(self.roots):
            line, shift, indented, strings = self.source.line_start(root), 0, 0, 0
            number = bisect_left(edits, (line,))
            brackets: List[Tuple[int, int, int]] = []  # the column behind each, how far it moves, and how far its line
            for kind, text, start, _ in self.source.tokens(root):
                begin = self.source.line_start(start)
                if begin != line:
                    column, shift, hanging = brackets[-1] if brackets else (-1, 0, 0)
                    shift = shift if start - begin == column else hanging
                    is_first = not strings and begin not in done and not self.source.text[begin:start].strip()
                    line, shift = begin, shift if is_first else 0
                    indented = shift
                    if shift:
                        done.add(begin)
                        yield Edit(start + min(0, shift), start, " " * max(0, -shift), " " * max(0, shift))
                while number < len(edits) and edits[number].end <= start:
                    if edits[number].start >= line:
                        shift += len(edits[number].new) - len(edits[number].old)
                    number += 1
                strings += {"FSTRING_START": 1, "FSTRING_END": -1}.get(tokenize.tok_name[kind], 0)
                if kind == tokenize.OP and text in "([{":
                    brackets.append((start - line + 1, shift, indented))
                elif kind == tokenize.OP and text in ")]}":
                    if not brackets:
                        break
                    brackets.pop()


def applied(text: str, start: int, end: int, edits: List[Edit]) -> str:
    """Give a part of a text after these edits, which must not overlap."""
    parts: List[str] = []
    for edit in edits:
        if edit.start < start or text[edit.start:edit.end] != edit.old:
            raise Surprise("an edit does not fit: {!r} at {}".format(edit.old, edit.start))
        parts += [text[start:edit.start], edit.new]
        start = edit.end
    return "".join(parts + [text[start:end]])


def _tidying(text: str, newline: str) -> Iterator[Edit]:
    """Give the edits that put blank lines in the place of marks: the most that a mark asks for, or that are there."""
    at = text.find(MARK)
    while at >= 0:
        above = len(text[:at].rstrip(" \t\f\r\n"))
        match = LINE_END.search(text, above)
        start = end = match.end() if above and match else 0
        blank, asked, exact = [0], [0], False
        line = BLANK.match(text, end)
        while line and end < len(text):
            end = line.end()
            if line.group(1):
                asked, blank, exact = asked + [int(line.group(1))], blank + [0], exact or bool(line.group(2))
            else:
                blank[-1] += 1
            line = BLANK.match(text, end)
        wanted = max(asked if exact else asked + blank) if above and end < len(text) else 0
        yield Edit(start, end, text[start:end], newline * wanted)
        at = text.find(MARK, end)


def shares_line(source: Source, node: ast.stmt) -> bool:
    """Tell whether one of the module's statements begins in the logical line of another."""
    begin = source.starts[first_line(node) - 1]
    goes_on = source.text[max(0, begin - 3):begin].rstrip("\r\n").endswith("\\")
    return node.col_offset != 0 and not source.text.startswith("@", begin) or goes_on  # below 0: a string, on 3.7


def first_line(node: ast.stmt) -> int:
    """Give the line where a statement begins, its decorators included."""
    decorators: List[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno] + [each.lineno for each in decorators])
