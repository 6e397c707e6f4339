"""The text of import statements: which names they have, and where a new one belongs."""
import ast
import re
import tokenize
from functools import lru_cache
from itertools import groupby, takewhile
from typing import Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from .source import Source

Import = Union[ast.Import, ast.ImportFrom]

REST_OF_LINE = re.compile(r"[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|$)")


class Parts(NamedTuple):  # an import statement as it stands in the text; all are offsets
    start: int
    module: Tuple[int, int]  # where the module's name stands; empty in `import a`
    names: int  # where the list of names begins, with its bracket
    elements: List[Tuple[int, int]]  # each name, with its `as`
    end: int


@lru_cache(maxsize=1)  # what asks for one asks for it again
def parts(source: Source, node: Import) -> Parts:
    """Read the import statement of a node."""
    start = source.start(node)
    statement = takewhile(lambda token: token.kind != tokenize.NEWLINE and token.text != ";", source.tokens(start))
    tokens = [token for token in statement if token.kind not in (tokenize.COMMENT, tokenize.NL)]
    keyword = next(number for number, token in enumerate(tokens) if token.text == "import")
    module = (tokens[1].start, tokens[keyword - 1].end) if keyword else (start, start)
    names = [token for token in tokens[keyword + 1:] if token.text not in "()"]
    groups = [list(group) for is_comma, group in groupby(names, lambda token: token.text == ",") if not is_comma]
    return Parts(start, module, tokens[keyword].end, [(each[0].start, each[-1].end) for each in groups], tokens[-1].end)


def own_lines(source: Source, node: Import) -> Optional[Tuple[int, int]]:
    """Give where the lines of an import start and end, if it has them alone."""
    old = parts(source, node)
    begin = source.line_start(old.start)
    alone = not source.text[begin:old.start].strip() and REST_OF_LINE.match(source.text, old.end)
    return (begin, source.line_end(old.end) + len(source.newline)) if alone else None


def has_comment(source: Source, node: Import) -> bool:
    """Tell whether a comment stands among the names of an import, which then can't be edited."""
    return "#" in source.text[source.start(node):parts(source, node).end]


def texts(node: Import) -> List[str]:
    """Give the names of an import statement, each with its `as`."""
    return ["{} as {}".format(alias.name, alias.asname) if alias.asname else alias.name for alias in node.names]


def import_text(module: str, names: Iterable[str]) -> str:
    """Give an import statement; of names alone where no module is given."""
    return "{}import {}".format("from {} ".format(module) if module else "", ", ".join(names))


def ordered(there: Sequence[str], wanted: Iterable[str]) -> List[str]:
    """Give the wanted names: those that are there in their order, and each new one where it sorts."""
    names = [name for name in there if name in wanted]
    for name in sorted(set(wanted).difference(there), key=name_key):
        names.insert(next((at for at, each in enumerate(names) if name_key(each) > name_key(name)), len(names)), name)
    return names


def reworded(source: Source, node: Import, module: str, names: Sequence[str]) -> str:
    """Give a statement with another module and other names, as it is laid out."""
    old, text, there = parts(source, node), source.text, texts(node)
    if set(names).isdisjoint(there):
        return import_text(module, names)
    first = old.elements[0][0]
    ahead = text[old.names:first]
    gaps = [text[one[1]:other[0]] for one, other in zip(old.elements, old.elements[1:])]
    gaps.insert(0, gaps[0] if gaps else "," + (ahead.partition("(")[2] or " "))  # in front of a new name
    out = names[0] + "".join(gaps[there.index(name) if name in there else 0] + name for name in names[1:])
    behind = source.newline + " " * (first - source.line_start(first))  # the bracket, which moves
    shift = len(module) - (old.module[1] - old.module[0])
    if ahead.endswith("("):
        out = out.replace(behind, behind + " " * shift if shift > 0 else behind[:shift or None])
    return text[old.start:old.module[0]] + module + text[old.module[1]:first] + out + \
        text[old.elements[-1][1]:old.end]


def name_key(name: str) -> Tuple[int, str, str]:
    """Give the order of an imported name, as isort has it: constants, classes, the rest."""
    word = name.split()[0]
    return (0 if word.isupper() and len(word) > 1 else 1 if word[:1].isupper() else 2), word.lower(), name


def place(run: Sequence[Union[Import, str]], anchor: int, is_gone: bool, module: str) -> int:
    """Give the number of the statement of a run that `from module import` sorts in front of, else `anchor`."""
    for by_module in (False, True):
        keys, new = [_key(each, by_module) for each in run], _key(module, by_module)
        if keys == sorted(keys):
            at = next((number for number, each in enumerate(keys)
                       if each > new and not (is_gone and number == anchor)), len(run))
            return anchor if is_gone and at == anchor + 1 else at
    return anchor


def _key(node: Union[Import, str], by_module: bool) -> Tuple[str, str]:
    """Give what people sort imports by: `import` before `from`, or both by their module; a text is a `from` of it."""
    if isinstance(node, ast.Import):
        kind, name = "1", node.names[0].name.lower()
    else:
        kind, name = "2", (node if isinstance(node, str) else "." * node.level + (node.module or "")).lower()
    return (name, kind) if by_module else (kind, name)
