"""The text of import statements: which names they have, and where a new one belongs."""
import ast
import re
import tokenize
from itertools import groupby, takewhile
from typing import Callable, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from .source import Source

Import = Union[ast.Import, ast.ImportFrom]
Item = Union[int, str]  # a name of the old statement, by its number, or a new one
Key = Tuple[bool, str]

REST_OF_LINE = re.compile(r"[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|$)")
ENDS = (tokenize.NEWLINE, tokenize.ENDMARKER)
COMMENT = re.compile(r"#[^\r\n]*")
ORDERS: Sequence[Callable[[Key], Tuple[object, object]]] = (lambda key: key, lambda key: (key[1], key[0]))
"""How people sort imports: `import` before `from`, or both by their module."""


class Parts(NamedTuple):
    """An import statement as it stands in the text; all are offsets."""

    start: int
    module: Tuple[int, int]  # where the module's name stands; empty in `import a`
    names: int  # where the list of names begins, with its bracket
    elements: List[Tuple[int, int]]  # each name, with its `as`
    end: int


def parts(source: Source, node: Import) -> Parts:
    """Read the import statement of a node."""
    start = source.start(node)
    statement = takewhile(lambda token: token.kind not in ENDS and token.text != ";", source.tokens(start))
    tokens = [token for token in statement if token.kind not in (tokenize.COMMENT, tokenize.NL)]
    keyword = next(number for number, token in enumerate(tokens) if token.text == "import")
    module = (tokens[1].start, tokens[keyword - 1].end) if keyword else (start, start)
    names = [token for token in tokens[keyword + 1:] if token.text not in "()"]
    groups = [list(group) for is_comma, group in groupby(names, lambda token: token.text == ",") if not is_comma]
    elements = [(group[0].start, group[-1].end) for group in groups]
    return Parts(start, module, tokens[keyword].end, elements, tokens[-1].end)


def own_lines(source: Source, node: ast.stmt) -> Optional[Tuple[int, int]]:
    """Give where the lines of an import start and end, if it has them alone."""
    if not isinstance(node, (ast.Import, ast.ImportFrom)):
        return None
    old = parts(source, node)
    begin = source.line_start(old.start)
    alone = not source.text[begin:old.start].strip() and REST_OF_LINE.match(source.text, old.end)
    return (begin, source.line_end(old.end) + len(source.newline)) if alone else None


def texts(node: Import) -> List[str]:
    """Give the names of an import statement, each with its `as`."""
    return ["{} as {}".format(alias.name, alias.asname) if alias.asname else alias.name for alias in node.names]


def import_text(module: str, names: Iterable[str]) -> str:
    """Give an import statement; of names alone where no module is given."""
    return "{}import {}".format("from {} ".format(module) if module else "", ", ".join(names))


def reworded(source: Source, node: Import, module: str, wanted: Sequence[str]) -> Tuple[str, str]:
    """Give a statement with another module and other names, as it was laid out and in plain words."""
    old, text, names = parts(source, node), source.text, texts(node)
    items: List[Item] = [number for number, name in enumerate(names) if name in wanted]
    plain = [name for name in names if name in wanted]
    for name in sorted(set(wanted).difference(names), key=name_key):
        at = next((number for number, each in enumerate(plain) if name_key(each) > name_key(name)), len(plain))
        items.insert(at, name)
        plain.insert(at, name)
    if not set(plain).intersection(names) and "#" not in text[old.start:old.end]:
        return import_text(module, plain), import_text(module, plain)
    head = text[old.start:old.module[0]] + module + text[old.module[1]:old.names]
    lines = (head + _listed(source, old, items)).split(source.newline)
    column = source.position(old.names)[1] - 1 + text[old.names:old.elements[0][0]].find("(") + 1
    moves = len(module) - (old.module[1] - old.module[0])
    for number, line in enumerate(lines[1:], 1):
        if len(line) - len(line.lstrip(" ")) == column and "(" in lines[0] and moves:
            lines[number] = " " * (column + moves) + line.lstrip(" ")
    return source.newline.join(lines), import_text(module, plain)


def _listed(source: Source, old: Parts, items: Sequence[Item]) -> str:
    """Give the list of names, with its brackets and comments."""
    text, newline = source.text, source.newline
    prefix, suffix = text[old.names:old.elements[0][0]], text[old.elements[-1][1]:old.end]
    gaps = [text[one[1]:other[0]] for one, other in zip(old.elements, old.elements[1:])]
    indent = prefix.rpartition(newline)[2] if newline in prefix else ""
    plain = next((gap for gap in gaps if "#" not in gap), "," + newline + indent if indent else ", ")
    behind = [COMMENT.search(gap.partition(newline)[0]) for gap in [*gaps, suffix]]
    comments = ["  " + match.group() if match else "" for match in behind]
    out, comment = prefix, ""
    for number, item in enumerate(items):
        ahead = gaps[item - 1] if isinstance(item, int) and item else plain
        if number:
            out += _gap(comment, ahead, newline, indent)
        elif isinstance(item, int) and item and newline in prefix:
            out = prefix.rpartition(newline)[0] + _tail(ahead, newline)  # with the comments above this name
        out += item if isinstance(item, str) else text[slice(*old.elements[item])]
        comment = comments[item] if isinstance(item, int) else ""
    if items[-1] == len(gaps) or not suffix:
        return out + suffix
    return out + "," * ("," in suffix) + comment + (_tail(suffix, newline) or newline * bool(comment) + ")")


def _gap(comment: str, ahead: str, newline: str, indent: str) -> str:
    """Give what stands between two names, of which one has a comment, the other came after `ahead`."""
    if not comment:
        line, end, rest = ahead.partition(newline)
        return COMMENT.sub("", line).rstrip(" " * bool(end)) + end + rest
    return "," + comment + (_tail(ahead, newline) or newline + (indent or "    "))


def _tail(gap: str, newline: str) -> str:
    """Give all behind the first line, with the line end; "" where there is one line alone."""
    return "".join(gap.partition(newline)[1:])


def name_key(name: str) -> Tuple[int, str, str]:
    """Give the order of an imported name, as isort has it: constants, classes, the rest."""
    word = name.split()[0]
    return (0 if word.isupper() and len(word) > 1 else 1 if word[:1].isupper() else 2), word.lower(), name


def key(node: Union[Import, str]) -> Key:
    """Give what a statement is sorted by, or one that imports from a module."""
    if isinstance(node, ast.Import):
        return False, node.names[0].name.lower()
    return True, (node if isinstance(node, str) else "." * node.level + (node.module or "")).lower()


def place(run: Sequence[Key], anchor: int, is_gone: bool, module: str) -> int:
    """Give the number of the statement that `from module import` belongs in front of.

    `run` are statements that follow each other; where they are not sorted, it is the one numbered `anchor`.
    """
    for order in ORDERS:
        keys = [order(each) for each in run]
        if keys == sorted(keys):
            at = next((number for number, each in enumerate(keys)
                       if each > order(key(module)) and not (is_gone and number == anchor)), len(run))
            return anchor if is_gone and at == anchor + 1 else at
    return anchor
