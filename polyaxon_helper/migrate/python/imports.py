"""The text of import statements: which names they have, and where a new one belongs."""
import ast
import re
import tokenize
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple, Union

from .source import Source, Token

Import = Union[ast.Import, ast.ImportFrom]
Item = Union[int, str]
"""A name of the old statement, by its number, or a new one."""

REST_OF_LINE = re.compile(r"[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|$)")
COMMENT = re.compile(r"#[^\r\n]*")
NO_CODE = (tokenize.COMMENT, tokenize.NL)


class Parts(NamedTuple):
    """An import statement as it stands in the text; all are offsets."""

    start: int
    module: Tuple[int, int]
    """Where the module's name stands; empty in `import a`."""
    names: int
    """Where the list of names begins, with its bracket."""
    elements: List[Tuple[int, int]]
    """Each name, with its `as`."""
    end: int


def parts(source: Source, node: Import) -> Parts:
    """Read the import statement of a node."""
    start = source.start(node)
    tokens: List[Token] = []
    for token in source.tokens(start):
        if token.kind in (tokenize.NEWLINE, tokenize.ENDMARKER) or token.text == ";":
            break
        if token.kind not in NO_CODE:
            tokens.append(token)
    keyword = next(number for number, token in enumerate(tokens) if token.text == "import")
    elements: List[Tuple[int, int]] = []
    begin = end = -1
    for token in tokens[keyword + 1:]:
        if token.text == ",":
            elements.append((begin, end))
            begin = -1
        elif token.text not in "()":
            begin, end = token.start if begin < 0 else begin, token.end
    if begin >= 0:
        elements.append((begin, end))
    module = (tokens[1].start, tokens[keyword - 1].end) if keyword else (start, start)
    return Parts(start, module, tokens[keyword].end, elements, tokens[-1].end)


def own_lines(source: Source, node: ast.stmt) -> Optional[Tuple[int, int]]:
    """Give where the lines of an import start and end, if it has them alone."""
    if not isinstance(node, (ast.Import, ast.ImportFrom)):
        return None
    old = parts(source, node)
    begin = source.line_start(old.start)
    alone = not source.text[begin:old.start].strip() and stands_alone(source, old.end)
    return (begin, source.line_end(old.end) + len(source.newline)) if alone else None


def stands_alone(source: Source, end: int) -> bool:
    """Tell whether nothing but a comment follows in the line."""
    return REST_OF_LINE.match(source.text, end) is not None


def reworded(source: Source, old: Parts, module: str, items: Sequence[Item]) -> str:
    """Give the statement with another module and other names, laid out as it was."""
    text = source.text
    head = text[old.start:old.module[0]] + module + text[old.module[1]:old.names]
    if old.module[0] == old.module[1]:
        head, module = text[old.start:old.names], ""
    new = head + _listed(source, old, items)
    lines = new.split(source.newline)
    column = old.start - source.line_start(old.start) + (old.names - old.start)
    column += text[old.names:old.elements[0][0]].find("(") + 1
    moves = len(module) - (old.module[1] - old.module[0])
    for number, line in enumerate(lines[1:], 1):
        if len(line) - len(line.lstrip(" ")) == column and "(" in lines[0] and moves:
            lines[number] = " " * (column + moves) + line.lstrip(" ")
    return source.newline.join(lines)


def _listed(source: Source, old: Parts, items: Sequence[Item]) -> str:
    """Give the list of names, with its brackets and comments."""
    text, newline = source.text, source.newline
    prefix, suffix = text[old.names:old.elements[0][0]], text[old.elements[-1][1]:old.end]
    gaps = [text[one[1]:other[0]] for one, other in zip(old.elements, old.elements[1:])]
    indent = prefix.rpartition(newline)[2] if newline in prefix else ""
    plain = next((gap for gap in gaps if "#" not in gap), "," + newline + indent if indent else ", ")
    out = prefix
    for number, item in enumerate(items):
        before = gaps[item - 1] if isinstance(item, int) and item else plain
        if number:
            left = items[number - 1]
            out += _gap((gaps + [suffix])[left] if isinstance(left, int) else "", before, newline, indent)
        elif isinstance(item, int) and item and newline in prefix and "," not in _tail(before, newline):
            out = prefix.rpartition(newline)[0] + _tail(before, newline)
        out += item if isinstance(item, str) else text[slice(*old.elements[item])]
    last = items[-1]
    if last == len(gaps) or not suffix:
        return out + suffix
    comment = COMMENT.search((gaps + [suffix])[last].partition(newline)[0]) if isinstance(last, int) else None
    tail = _tail(suffix, newline) or (newline if comment else "") + ")"
    return out + ("," if "," in suffix else "") + ("  " + comment.group() if comment else "") + tail


def _gap(behind: str, ahead: str, newline: str, indent: str) -> str:
    """Give what stands between two names, of which one was followed by `behind`, the other came after `ahead`."""
    comment = COMMENT.search(behind.partition(newline)[0])
    if comment is None:
        line, end, rest = ahead.partition(newline)
        return COMMENT.sub("", line).rstrip(" " * bool(end)) + end + rest
    tail = _tail(ahead, newline) or newline + (indent or "    ")
    return ("" if "," in COMMENT.sub("", tail) else ",") + "  " + comment.group() + tail


def _tail(gap: str, newline: str) -> str:
    """Give all behind the first line, with the line end; "" where there is one line alone."""
    return gap[gap.index(newline):] if newline in gap else ""


# Where names and statements sort, as isort does it by default

def name_key(name: str) -> Tuple[int, str]:
    """Give the order of an imported name: constants, classes, the rest."""
    word = name.split()[0]
    return (0 if word.isupper() and len(word) > 1 else 1 if word[:1].isupper() else 2), word.lower()


def with_names(items: List[Item], texts: Callable[[Item], str], new: Sequence[str]) -> List[Item]:
    """Give the names with new ones put in where they sort."""
    for name in sorted(new, key=name_key):
        at = next((number for number, item in enumerate(items) if name_key(texts(item)) > name_key(name)), len(items))
        items = items[:at] + [name] + items[at:]
    return items


Key = Tuple[bool, str]
ORDERS: Sequence[Callable[[Key], Tuple[object, object]]] = (lambda key: key, lambda key: (key[1], key[0]))
"""`import` before `from`, and both by their module."""


def key(node: Import) -> Key:
    """Give what a statement is sorted by."""
    if isinstance(node, ast.ImportFrom):
        return True, ("." * node.level + (node.module or "")).lower()
    return False, node.names[0].name.lower()


def place(run: Sequence[Key], gone: Optional[int], module: str) -> Optional[int]:
    """Give the number of the statement that `from module import` belongs in front of; None: where the legacy one is.

    `run` are statements that follow each other, of which the one numbered `gone` goes.
    """
    new = (True, module.lower())
    for order in ORDERS:
        keys = [order(each) for each in run]
        if keys == sorted(keys):
            at = next((number for number, each in enumerate(keys)
                       if number != gone and each > order(new)), len(run))
            return None if gone is not None and at in (gone, gone + 1) else at
    return None
