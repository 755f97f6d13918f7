"""Finds the sentences that glassnet says, in its own sources: what the catalogues of ``src/glassnet/locale`` translate.

A sentence of an f-string becomes a template, with a placeholder where an expression stands:

- ``{0}`` for what may be words itself, and is translated in its turn;
- ``{0!r}`` for what is put in as it is: names in quotation marks, values;
- ``{0:n}`` for a number;
- ``{0!s}`` for an ending such as the s of a plural, which other languages may leave out.

Followed are the arguments of errors and warnings, the helps of options and what is printed: from there through names,
conditions, sums of texts, and functions of the package, to the texts themselves.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parent.parent / "src" / "glassnet"
PARTS = {"where", "received", "expected", "fix", "help", "description", "epilog", "measured", "why", "words", "title"}
"""Arguments, by name, that people read, whatever they are handed to."""
SAYING = {
    "tell",
    "_",
    "Finding",
    "Mend",
    "_finding",
    "say",
    "AttributeError",
    "warn",
    "warning",
    "warn_once",
    "note",
    "translated",
    "worded",
    "add_argument_group",
}
"""Functions whose arguments people read."""
SAID = {"__str__", "describe"}
"""Functions whose results people read."""
AS_IT_IS = {"shown", "repr", "plain_numbers", "listed", "readable", "basename", "getattr", "format_exc"}
"""Functions whose results are the user's words, or code."""
NUMBERS = {"len", "sum", "round", "int", "float", "max", "min", "abs", "prod"}
NAMED = {"name": "!r", "setting": "!r", "option": "!r", "ours": "!r", "article": "!s", "steps": ":n", "count": ":n"}
"""What stands in variables that are called so."""
OF_TEXTS = {"join", "replace", "strip", "rstrip", "lstrip", "removeprefix", "removesuffix", "format", "partition"}
"""Methods of texts, which keep what they are called on."""
OF_LISTS = {
    "in_a_line",
    "str",
    "sorted",
    "list",
    "tuple",
    "next",
    "iter",
    "reversed",
    "dict",
    "filter",
    "zip",
    "chain",
    "get",
    "append",
}
SENTENCE = re.compile(r"(?:^|(?<=[\s(]))[A-Za-z]?[a-z]+ [a-z]+(?=$|[\s,.;:)])")
"""Two words side by side."""
FORMATTED = re.compile(r"\{(|error|count|are|example!r)\}")
"""Places in texts that are filled in by ``format``."""
CODE = ("--", "'", '"', ".", "=", "gn.", "glassnet ", "`")
"""What stands before names in code, which no language changes."""
NO_SENTENCES = re.compile(
    r"core/(pages|output|svg)\.py|"
    r"kernels/why/|kernels/(?!classes|registry|functions)|reports/.*words|tracing/(words|symbols|page)|core/spellings|"
    r"playground/(code|examples|generators)|interop/c/(?!source|table|agreement)|diagnosis/museum|serving/(?!columns)|zoo/.*names"
)
"""Files whose texts are formulas, code, or stand there in all languages already."""
NO_REST = re.compile(
    NO_SENTENCES.pattern
    + r"|interop/c/|kernels/"
    + r"|losses/(?!targets|weighted|joint|own)|optimizers/chain|playground/(?:texts|static/)|reports/"
)
"""Files of which only what errors and warnings are made from are sentences."""
WORD = re.compile(r"[(\"'“]*[A-Za-z]?[a-z]+(?:[-'][a-z]+)*[)\"'”]*[,.;:?!]?")
"""A word of a sentence, unlike ``learning_rate``, ``gn.Adam()`` or ``.csv``."""


WORDS = (
    *("numbers", "truth", "true and false", "texts", "times", "times of day", "durations", "words", "dates"),
    *("path", "layer", "output", "parameters", "total", "kind", "column", "frozen"),
    *("FLOPs a row", "what was learned", "reads", "writes", "before", "after", "missing", "running statistics"),
    *("accuracy", "precision", "recall", "loss", "perplexity"),
    *("found", "where", "measured", "to try", "roc auc", "log loss", "bits per character", "average precision"),
    "root mean squared error",
    *("at least one", "the targets", "always {name}", "change", "array", "shape", "at a kink", "FAILED"),
)
"""Words that stand in the place of another sentence, and are no argument that people read by themselves."""


def _spelt() -> set[str]:
    """The advice about settings that other libraries have: texts with names of places, filled in by ``format``."""
    tree = ast.parse((SOURCES / "core" / "spellings.py").read_text(encoding="utf-8"))
    space: dict[str, Any] = {}
    exec(compile(tree, "spellings", "exec"), space)
    return set(space["ADVICE"].values())


@dataclass
class Template:
    """A sentence with places; ``kinds`` tells what stands in each."""

    pieces: tuple[str, ...]
    kinds: list[str]
    places: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def msgid(self) -> str:
        """As catalogues have it."""
        text = _doubled(self.pieces[0])
        for number, (kind, piece) in enumerate(zip(self.kinds, self.pieces[1:], strict=True)):
            text += "{" + str(number) + kind + "}" + _doubled(piece)
        return text


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


Scope = tuple[ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, ...]


class _File:
    """A source with what its nodes stand in."""

    def __init__(self, path: Path) -> None:
        self.name = path.relative_to(SOURCES).as_posix()
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.nodes: list[ast.AST] = []
        self.scopes: dict[int, Scope] = {}
        self._walk(self.tree, ())

    def _walk(self, node: ast.AST, scope: Scope) -> None:
        self.nodes.append(node)
        self.scopes[id(node)] = scope
        inner = (*scope, node) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) else scope
        for child in ast.iter_child_nodes(node):
            self._walk(child, inner)


class Extractor:
    """All templates of the package: ``Extractor().templates()``."""

    def __init__(self) -> None:
        self.files = [_File(path) for path in sorted(SOURCES.rglob("*.py"))]
        self._functions: dict[str, list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, _File]]] = defaultdict(list)
        self._calls: dict[str, list[tuple[ast.Call, _File]]] = defaultdict(list)
        self._constants: dict[str, list[tuple[ast.expr, _File]]] = defaultdict(list)
        self._attributes: dict[str, list[tuple[ast.expr, _File]]] = defaultdict(list)
        for file in self.files:
            for node in file.nodes:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    self._functions[node.name].append((node, file))
                elif isinstance(node, ast.Call):
                    self._calls[_called(node)].append((node, file))
                elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    for target in targets:
                        if isinstance(target, ast.Name) and not file.scopes[id(node)]:
                            self._constants[target.id].append((node.value, file))
                        elif isinstance(target, ast.Attribute):
                            self._attributes[target.attr].append((node.value, file))
        self._seen: set[int] = set()
        self._assigned: dict[int, dict[str, list[ast.expr]]] = {}
        self._open: list[tuple[ast.expr, _File, bool, bool]] = []
        self._found: dict[tuple[str, ...], Template] = {}

    def templates(self) -> list[Template]:
        """In the order of files."""
        for file in self.files:
            for node in file.nodes:
                if isinstance(node, ast.FunctionDef) and node.name in SAID:
                    self._returns(node, file, single=False)
                if isinstance(node, ast.Call | ast.FunctionDef):
                    if isinstance(node, ast.Call):
                        self._root(node, file)
                    while self._open:
                        self._follow(*self._open.pop())
        for file in self.files:
            said = {id(node) for node in file.nodes if _is_docstring(node) for node in ast.walk(node)}
            self._rest(file.tree, file, said)
        for text in sorted({*WORDS, *_spelt()}):
            fields = re.split(r"\{\w+\}", text)
            own = self._found.setdefault(tuple(fields), Template(tuple(fields), ["!r"] * (len(fields) - 1)))
            own.places.append("core/words:0")
        for own in self._found.values():
            own.places = [place for place in own.places if not NO_SENTENCES.search(place.rpartition(":")[0])]
        return [own for own in self._found.values() if own.places]

    def _rest(self, node: ast.AST, file: _File, said: set[int]) -> None:
        """Whatever else looks like a sentence, wherever it stands."""
        if id(node) in said or isinstance(node, ast.arg | ast.Match):
            return
        is_annotation = isinstance(node, ast.AnnAssign)
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
            parts = list(_flat(node))
            texts = [part for part in parts if isinstance(part, str)]
            is_new = id(node) not in self._seen and not NO_REST.search(file.name)
            if is_new and any(SENTENCE.search(text) for text in texts):
                self._emit(parts, node, file, single=False, place=False)
                while self._open:
                    self._follow(*self._open.pop())
            for part in parts:
                if not isinstance(part, str) and part is not node:
                    self._rest(part.value if isinstance(part, ast.FormattedValue) else part, file, said)
            if texts or isinstance(node, ast.Constant):
                return
        for name, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not (is_annotation and name == "annotation"):
                    self._rest(child, file, said)

    def _root(self, call: ast.Call, file: _File) -> None:
        name = _called(call)
        if name == "Finding":
            title = [part.replace("_", " ").replace("relu", "ReLU") if isinstance(part, str) else part
                     for part in _flat(call.args[0])]  # fmt: skip
            self._emit(title, call.args[0], file, single=True, place=False)
        if re.search(r"(Error|Warning)$", name) or name in SAYING or (name == "print" and file.name.startswith("cli/")):
            for argument in call.args:
                self._text(
                    argument, file, single=name in ("worded", "translated") and not isinstance(argument, ast.Call)
                )
        for keyword in call.keywords:
            if keyword.arg in PARTS:
                self._text(keyword.value, file, single=keyword.arg != "where", place=keyword.arg == "where")

    def _text(self, node: ast.expr, file: _File, *, single: bool = False, place: bool = False) -> None:
        if id(node) not in self._seen:
            self._seen.add(id(node))
            self._open.append((node, file, single, place))

    def _follow(self, node: ast.expr, file: _File, single: bool, place: bool) -> None:
        """From an expression that is shown to its texts."""
        match node:
            case ast.Constant(value=str(text)):
                if single or " " in text:
                    self._emit([text], node, file, single=single, place=place)
            case ast.JoinedStr() | ast.BinOp(op=ast.Add()):
                self._emit(list(_flat(node)), node, file, single=single, place=place)
            case ast.BinOp(left=left, right=right):
                self._text(left, file, single=single)
                self._text(right, file, single=single)
            case ast.IfExp(body=body, orelse=orelse):
                self._text(body, file, single=single)
                self._text(orelse, file, single=single)
            case ast.BoolOp(values=own) | ast.List(elts=own) | ast.Tuple(elts=own) | ast.Set(elts=own):
                for value in own:
                    self._text(value, file, single=single)
            case ast.Dict(values=own):
                for value in own:
                    self._text(value, file, single=single)
            case ast.ListComp(elt=value) | ast.GeneratorExp(elt=value) | ast.SetComp(elt=value):
                self._text(value, file, single=single)
            case ast.DictComp(value=value) | ast.NamedExpr(value=value) | ast.Starred(value=value):
                self._text(value, file, single=single)
            case ast.Subscript(value=value):
                self._text(value, file, single=single)
            case ast.Name(id=name):
                self._name(name, node, file, single=single)
            case ast.Attribute(attr=name):
                self._attribute(name, single=single)
            case ast.Call():
                self._called(node, file, single=single)

    def _name(self, name: str, node: ast.AST, file: _File, *, single: bool) -> None:
        for scope in reversed(file.scopes[id(node)]):
            if id(scope) not in self._assigned:
                self._assigned[id(scope)] = _assigned(scope)
            found = self._assigned[id(scope)].get(name, [])
            for value in found:
                self._text(value, file, single=single)
            if name in _parameters(scope):
                self._argument(scope, name)
                return
            if found:
                return
        known = self._constants.get(name, ())
        for value, home in [own for own in known if own[1] is file] or known:
            self._text(value, home, single=single)

    def _argument(self, function: ast.AST, name: str) -> None:
        """What functions are called with."""
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        own = function.args
        declared = [one.annotation for one in (*own.posonlyargs, *own.args, *own.kwonlyargs) if one.arg == name]
        if declared[0] is None or not re.search(r"\bstr\b|Words|Said", ast.unparse(declared[0])):
            return
        places = [argument.arg for argument in (*own.posonlyargs, *own.args)]
        at = places.index(name) - (places[0] in ("self", "cls")) if name in places else None
        called = function.name
        if called == "__init__" or called in SAYING:
            return  # their callers are roots: of a class where they hand over parts
        for call, file in self._calls.get(called, ()):
            for keyword in call.keywords:
                if keyword.arg == name:
                    self._text(keyword.value, file)
            if at is not None and 0 <= at < len(call.args):
                self._text(call.args[at], file)

    def _attribute(self, name: str, *, single: bool) -> None:
        for function, file in self._functions.get(name, ()):
            if any(
                isinstance(own, ast.Name) and own.id in ("property", "worked_out") for own in function.decorator_list
            ):
                self._returns(function, file, single=False)

    def _called(self, call: ast.Call, file: _File, *, single: bool) -> None:
        name = _called(call)
        if name in AS_IT_IS or name in NUMBERS:
            return
        if name in OF_TEXTS and isinstance(call.func, ast.Attribute):
            self._text(call.func.value, file, single=single)
            if name == "join":
                for argument in call.args:
                    self._text(argument, file, single=single)
            return
        if name in OF_LISTS:
            if isinstance(call.func, ast.Attribute):
                self._text(call.func.value, file, single=single)
            for argument in call.args:
                self._text(argument, file, single=single)
            return
        if name == "map" and isinstance(call.args[0], ast.Name):
            name = call.args[0].id
        known = self._functions.get(name, ())
        for function, home in [own for own in known if own[1] is file] or known:
            self._returns(function, home, single=single)

    def _returns(self, function: ast.FunctionDef | ast.AsyncFunctionDef, file: _File, *, single: bool) -> None:
        if function.returns is None or not re.search(r"\bstr\b|Words|Said", ast.unparse(function.returns)):
            return
        for node in ast.walk(function):
            if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) and node.value is not None:
                self._text(node.value, file, single=single)

    def _emit(self, parts: list[str | ast.expr], node: ast.expr, file: _File, *, single: bool, place: bool) -> None:
        pieces, kinds, names = [""], [], []
        for part in parts:
            if isinstance(part, str):
                first, *rest = FORMATTED.split(part)
                pieces[-1] += first
                for field, text in zip(rest[::2], rest[1::2], strict=True):
                    kinds.append({"example!r": "!r", "are": "!s"}.get(field, ""))
                    names.append(field)
                    pieces.append(text)
                continue
            value = part.value if isinstance(part, ast.FormattedValue) else part
            is_code = pieces[-1].endswith(CODE) or re.search(r"\w\($", pieces[-1])
            kinds.append("!r" if is_code else _kind(part))
            names.append(ast.unparse(value))
            pieces.append("")
            if kinds[-1] == "":
                self._text(value, file, single=True)
        words = [word for piece in pieces for word in piece.split() if WORD.fullmatch(word) and len(word) > 1]
        if (
            not words
            or ";\n" in "".join(pieces)
            or pieces[0].startswith(
                ("\n", "import ", "os error", "lower left", "lower right", "upper left", "upper right")
            )
            or "<" in "".join(pieces)
            or "\x00" in "".join(pieces)
        ):
            return
        if not kinds and " " not in pieces[0].strip() and not (single and pieces[0].islower()):
            return
        if place and (len(words) < 2 or (kinds == [] and ":" in pieces[0])) and words[0] == "".join(pieces).split()[0]:
            return  # the name of a function or a command, with what it is called on
        at = f"{file.name}:{node.lineno}"
        known = self._found.get(tuple(pieces))
        if known is None:
            self._found[tuple(pieces)] = Template(tuple(pieces), kinds, [at], names)
        else:
            known.kinds = [own if own == other else "" for own, other in zip(known.kinds, kinds, strict=True)]
            known.places.append(at)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _flat(node: ast.expr) -> Iterator[str | ast.expr]:
    """A sum of texts as texts, and expressions between them."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=own):
            for value in own:
                yield from _flat(value)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from _flat(left)
            yield from _flat(right)
        case _:
            yield node


def _kind(part: ast.expr) -> str:
    value = part
    if isinstance(value, ast.FormattedValue) and isinstance(value.value, ast.Name) and value.value.id in NAMED:
        return NAMED[value.value.id]
    if isinstance(part, ast.FormattedValue):
        value = part.value
        if part.conversion == ord("r"):
            return "!r"
        if part.format_spec is not None:
            spec = ast.unparse(part.format_spec)
            return ":n" if re.search(r"[,gfeds%]['\"]$", spec) and not re.search(r"[<>^]|s'", spec) else "!r"
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice):
        value = value.value
    if isinstance(value, ast.Constant | ast.BinOp) and not _texts(value):
        return ":n" if isinstance(value, ast.BinOp) else ""
    if isinstance(value, ast.Call):
        name = _called(value)
        if name in NUMBERS:
            return ":n"
        if (
            name == "join"
            and isinstance(value.func, ast.Attribute)
            and ast.unparse(value.func.value) in ("', '", "','")
        ):
            return "!r"
        if name in AS_IT_IS or ast.unparse(value).endswith(("join(map(repr, ", ".__name__")):
            return "!r"
    if isinstance(value, ast.Attribute) and value.attr in ("__name__", "shape", "dtype", "ndim", "size"):
        return "!r"
    texts = _texts(value)
    if (
        texts
        and all(re.fullmatch(r"|s|es|e?s of", text) for text in texts)
        and isinstance(value, ast.IfExp | ast.BinOp)
    ):
        return "!s"
    return ""


def _texts(node: ast.expr) -> list[str]:
    return [own.value for own in ast.walk(node) if isinstance(own, ast.Constant) and isinstance(own.value, str)]


def _parameters(scope: ast.AST) -> set[str]:
    own = getattr(scope, "args", None)
    return {argument.arg for argument in (*own.posonlyargs, *own.args, *own.kwonlyargs)} if own else set()


def _assigned(scope: ast.AST) -> dict[str, list[ast.expr]]:
    """What the names inside a function stand for."""
    found: dict[str, list[ast.expr]] = defaultdict(list)
    for node in ast.walk(scope):
        targets: list[ast.expr] = []
        value: ast.expr | None = None
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
            targets, value = [node.target], node.value
        elif isinstance(node, ast.For | ast.comprehension):
            targets, value = [node.target], node.iter
        elif isinstance(node, ast.Call) and _called(node) in ("append", "extend", "insert"):
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            if isinstance(owner, ast.Name):
                found[owner.id] += node.args
        for target in targets if value is not None else []:
            for own, stands in _pairs(target, value):
                found[own].append(stands)
    return found


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple):
        is_parted = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
        for place, own in enumerate(target.elts):
            if isinstance(own, ast.Name):
                yield own.id, value.elts[place] if is_parted else value


if __name__ == "__main__":
    found = Extractor().templates()
    for template in found:
        print(template.places[0], repr(template.msgid))
    print(len(found))
