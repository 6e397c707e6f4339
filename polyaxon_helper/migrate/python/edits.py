"""Verified replacements in a text, and the tree that they should give."""
import ast
import re
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

from .names import Names
from .source import LINE_END, Source, Span, Surprise, Unreadable

REST_OF_LINE = re.compile(r"[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|$)")
REST_OF_NAME = re.compile(r"[ \t\f]*,?" + REST_OF_LINE.pattern)
BLANKS = re.compile(r"[ \t\f]*")
COMMA = re.compile(r"\s*,[ \t]*")


class Edit(NamedTuple):
    start: int
    end: int
    old: str
    """What must stand there."""
    new: str


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


def same(old: Source, new: Source, swaps: Dict[Any, List[ast.AST]], added: Dict[Any, List[ast.AST]]) -> bool:
    """Whether the trees are equal but for nodes of the old one that others replace, and statements added before it."""
    meant = [each for node in old.tree.body for each in _instead(node, swaps, added)]
    if len(meant) != len(new.tree.body):
        return False
    unchanged, blocks = old.blocks([node.lineno for node in [*swaps, *added]]), new.blocks([])
    work: List[Tuple[Any, Any]] = [
        (one, other) for one, other in zip(meant, new.tree.body)
        if one not in unchanged or unchanged[one] != blocks.get(other)]
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


def _instead(node: Any, swaps: Dict[Any, List[ast.AST]], added: Dict[Any, List[ast.AST]]) -> List[Any]:
    return added.get(node, []) + swaps.get(node, [node]) if isinstance(node, ast.AST) else [node]


class Edits:
    """What is put in, taken out and replaced in a text."""

    def __init__(self, source: Source, names: Names) -> None:
        self.source = source
        self.names = names
        self._edits: Dict[Tuple[int, int], Edit] = {}
        self._swaps: Dict[Any, List[ast.AST]] = {}
        self._added: Dict[Any, List[ast.AST]] = {}
        self._removed: Set[ast.AST] = set()

    def result(self) -> str:
        """The text after all of them; Surprise where its tree is not what was meant."""
        text = applied(self.source.text, list(self._edits.values()))
        if text != self.source.text:
            try:
                source = Source(text)
            except Unreadable as error:
                raise Surprise("the new text does not parse: {}".format(error)) from None
            if not same(self.source, source, self._swaps, self._added):
                raise Surprise("the new text has another tree than was meant")
        return text

    def moved(self, offset: int) -> int:
        """Where something that stays stands after all of them."""
        return offset + sum(len(edit.new) - len(edit.old) for edit in self._edits.values() if edit.end <= offset)

    def replace(self, start: int, end: int, new: str) -> None:
        """Bytes of a statement that `statement` says the rest of."""
        old = self.source.text[start:end]
        if old != new:
            self._edits[start, end] = Edit(start, end, old, new)

    def expression(self, node: ast.AST, start: int, end: int, new: str) -> None:
        self.replace(start, end, new)
        self._swaps[node] = [ast.parse(new, mode="eval").body]

    def behind(self, node: ast.stmt, lines: List[str]) -> None:
        """Lines of their own behind a statement of the module, once."""
        if node not in self._swaps:
            end = self.source.logical_line(self.source.start(node)).end
            self._insert(end, "".join(self.source.newline + line for line in lines))
            self._swaps[node] = [node, *ast.parse("\n".join(lines)).body]

    def above(self, node: Any, line: int, lines: List[str]) -> None:
        """Lines above a statement of the module and the comments that belong to it, which start at `line`."""
        self._insert(self.source.at(line, 0), "".join(each + self.source.newline for each in lines))
        self._added[node] = self._added.get(node, []) + list(ast.parse("\n".join(lines)).body)

    def before(self, node: Any, line: str) -> None:
        """A simple statement in front of another, whatever block that is in."""
        decorators = [self.source.at(each.lineno, 0) for each in getattr(node, "decorator_list", [])]
        start = min([self.source.start(node)] + decorators)
        start += len(BLANKS.match(self.source.text, start).group())  # type: ignore[union-attr]  # it always matches
        opening = self.source.text[self.source.logical_line(start).start:start]
        between = "; " if opening.strip() else self.source.newline + self.source.indent_at(start)
        self._insert(start, line + between)
        self._added[node] = self._added.get(node, []) + list(ast.parse(line).body)

    def starts_line(self, node: Any) -> bool:
        return not self.source.text[self.source.at(node.lineno, 0):self.source.start(node)].strip()

    def indented(self, line: str) -> str:
        """A line of ours, which a tab or four spaces indent, in the file's own indentation."""
        stripped = line.lstrip("\t ")
        depth = line.count("\t") or (len(line) - len(stripped)) // 4
        return self.source.unit() * depth + stripped

    def _insert(self, offset: int, new: str) -> None:
        edit = self._edits.get((offset, offset), Edit(offset, offset, "", ""))
        self._edits[offset, offset] = edit._replace(new=edit.new + new)

    # In an import statement

    def cut(self, spans: List[Span], keeps: List[bool], wanted: List[str], parenthesized: bool) -> None:
        """Take names out of an import, and put others in."""
        source = self.source.text
        spare = list(wanted)
        names: List[Tuple[Span, str]] = []  # and what stands there then; those that go together in a line are one
        for span, keep in zip(spans, keeps):
            new = source[span.start:span.end] if keep else spare.pop(0) if spare else ""
            if names and not new + names[-1][1] and not LINE_END.search(source[names[-1][0].end:span.start]):
                names[-1] = (Span(names[-1][0].start, span.end), "")
            else:
                names.append((span, new))
        last = max(number for number, (_, new) in enumerate(names) if new)
        begin, end = names[last][0].end, names[-1][0].end
        if begin < end and not REST_OF_NAME.match(source, end) and "#" not in source[begin:end]:
            names[last + 1:] = [(Span(begin, end), "")]  # what closes the import comes behind those that stay
        stay: List[Tuple[Span, str]] = []
        done = 0
        for number, (span, new) in enumerate(names):
            if new:
                stay.append((span, new))
            elif any(new for _, new in names[number + 1:]):
                following = names[number + 1][0].start
                if parenthesized and LINE_END.search(source[span.end:following]):
                    self._cut_line(span)
                else:
                    self.replace(span.start, following, "")
            elif parenthesized and LINE_END.search(source[stay[-1][0].end:span.start]):
                self._cut_line(span)
            else:
                self.replace(max(done, stay[-1][0].end), span.end, "")
                done = span.end
        final, text = stay[-1]
        for span, each in stay[:-1]:
            self.replace(span.start, span.end, each)
        self.replace(final.start, final.end, ", ".join([text] + spare))

    def _cut_line(self, span: Span) -> None:
        """Take out a name that stands on its own line, with the line; else only the name and its comma."""
        text = self.source.text
        line, column = self.source.position(span.start)
        before = text[span.start - column + 1:span.start]
        rest, comma = REST_OF_NAME.match(text, span.end), COMMA.match(text, span.end)
        if rest and not before.strip():
            self.replace(self.source.at(line, 0), rest.end(), "")
        else:
            start = span.start - (len(before) - len(before.rstrip()) if rest else 0)
            end = comma.end() if comma else span.end
            self.replace(start, len(text[:end].rstrip()) if rest else end, "")

    # Statements

    def statement(self, node: ast.stmt, end: int, before: List[str], kept: Optional[str], after: List[str],
                  blocks: List[List[str]]) -> None:
        """Put simple statements around one, or in its place where nothing of it is kept, and compound ones behind it.

        `kept` is what `replace` and `cut` leave of it.
        """
        source = self.source
        start = source.start(node)
        alone = self._stands_alone(start, end)
        indent = source.indent_at(start)
        exploded = bool(blocks) and not alone
        if exploded:
            indent = self._explode(node, start, indent)
        everything = before + ([kept] if kept else []) + after + [line for block in blocks for line in block]
        if not everything and (exploded or self._is_only(node)):
            everything = before = ["pass"]
        body = ast.parse("\n".join(each.replace("\t", "    ") for each in everything)).body
        self._swaps[node] = list(body)
        if not everything:
            self._remove(start, end, alone)
        elif not blocks and not alone:
            if kept is None:
                self.replace(start, end, "; ".join(before + after))
            else:
                self._insert(start, "".join(each + "; " for each in before))
                self._insert(end, "".join("; " + each for each in after))
        else:
            newline = source.newline + indent
            if kept is None and not before:
                before, after = after, []  # what comes now takes its place
            pieces = "".join(newline + each for each in after) + self._blocks(node, end, blocks, newline, exploded)
            if kept is None and not before:
                block = pieces.strip("\r\n \t")
                self.replace(start, end, block)
                self._insert(source.line_end(end) if alone else end, pieces[pieces.index(block) + len(block):])
                return
            if kept is None:
                self.replace(start, end, newline.join(before))
            elif before:
                self._insert(start, "".join(each + newline for each in before))
            self._insert(source.line_end(end) if alone else end, pieces)

    def _blocks(self, node: ast.stmt, end: int, blocks: List[List[str]], newline: str, exploded: bool) -> str:
        """The text of compound statements, with blank lines as people put them."""
        gaps = [2 if block[0].startswith("def") and newline == self.source.newline else 1 for block in blocks]
        pieces = "".join(self.source.newline * gap + "".join(newline + self.indented(each) for each in block)
                         for gap, block in zip(gaps, blocks))
        if blocks and not exploded and any(node in body[:-1] for body in _bodies(self.names.parents[node])):
            pieces += self.source.newline * max(0, gaps[-1] - self._blank_after(end))
        return pieces

    def _blank_after(self, end: int) -> int:
        match = re.compile(r"(?:\r\n|\r|\n)((?:[ \t\f]*(?:\r\n|\r|\n))*)").match(
            self.source.text, self.source.line_end(end))
        return len(LINE_END.findall(match.group(1))) if match else 9

    def _stands_alone(self, start: int, end: int) -> bool:
        """Whether nothing else is in the logical line."""
        source = self.source
        line, column = source.position(start)
        before = source.text[start - column + 1:start].strip() or line > 1 and source.line(line - 1).endswith("\\")
        return not before and REST_OF_LINE.match(source.text, end) is not None

    def _explode(self, node: ast.stmt, start: int, indent: str) -> str:
        """Give each statement of the logical line a line of its own; returns their indentation."""
        source = self.source
        line = source.logical_line(start)
        body = next(body for body in _bodies(self.names.parents[node]) if node in body)
        header = source.text[line.start:source.start(body[0])].rstrip(" \t(")
        if header.endswith(":"):
            indent += source.unit()
            opening = line.start + len(header)
            self.replace(opening, source.next(opening), source.newline + indent)
        for separator in line.separators:
            begin = len(source.text[:separator].rstrip(" \t"))
            if REST_OF_LINE.match(source.text, separator + 1):
                self.replace(begin, separator + 1, "")
            else:
                self.replace(begin, source.next(separator + 1), source.newline + indent)
        return indent

    def _is_only(self, node: ast.AST) -> bool:
        """Whether nothing else remains of its block."""
        parent = self.names.parents[node]
        self._removed.add(node)
        return not isinstance(parent, ast.Module) and any(
            node in body and self._removed.issuperset(body) for body in _bodies(parent))

    def _remove(self, start: int, end: int, alone: bool) -> None:
        text = self.source.text
        if alone:
            line, _ = self.source.position(start)
            rest = REST_OF_LINE.match(text, end)
            self.replace(self.source.at(line, 0), rest.end() if rest else end, "")
            return
        after = re.compile(r"[ \t]*;[ \t]*").match(text, end)
        if after and not re.compile(r"[\r\n#]|$").match(text, after.end()):
            self.replace(start, after.end(), "")
        else:
            begin = re.compile(r".*?(?=[ \t]*;[ \t]*$)", re.S).match(text[:start])
            self.replace(begin.end() if begin else start, end, "")


def _bodies(node: ast.AST) -> List[Any]:
    fields = ("body", "orelse", "finalbody")
    return [getattr(node, field) for field in fields if isinstance(getattr(node, field, None), list)]
