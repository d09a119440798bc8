"""Read an expression into a tree; macros become nodes of their own.

Source: CEL language definition, Grammar; cel-go parser/{parser,macro}.go, ext/comprehensions.go.
"""

from __future__ import annotations

from collections.abc import Callable

from knarr.api.cel.faults import CelError, pointed
from knarr.api.cel.lexer import INT_MAX, RESERVED, Token, tokens
from knarr.api.cel.syntax import Bind, Call, Expr, Ident, ListExpr, Literal, Loop, MapExpr, Message, OptMap, Select

DEPTH_MAX = 60  # nested expressions; deeper ones are refused
PRIMARY = ("{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, "
           "IDENTIFIER}")
BINARY: tuple[dict[str, str], ...] = (
    {"||": "_||_"}, {"&&": "_&&_"},
    {"<": "_<_", "<=": "_<=_", ">=": "_>=_", ">": "_>_", "==": "_==_", "!=": "_!=_", "in": "@in"},
    {"+": "_+_", "-": "_-_"}, {"*": "_*_", "/": "_/_", "%": "_%_"},
)
LOOPS = {("all", 2), ("exists", 2), ("exists_one", 2), ("existsOne", 2), ("map", 2), ("map", 3), ("filter", 2),
         ("all", 3), ("exists", 3), ("exists_one", 3), ("existsOne", 3), ("transformList", 3), ("transformList", 4),
         ("transformMap", 3), ("transformMap", 4), ("transformMapEntry", 3), ("transformMapEntry", 4)}
SORTED = "@__sortBy_input__"  # Source: cel-go ext/lists.go
CONSTANTS = {"true": True, "false": False, "null": None}


def parse(text: str) -> Expr:
    """Return the tree of an expression; raises CelError."""
    parser = _Parser(text)
    return parser.whole(parser.expression)


class _Parser:
    """Where we are in a text."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens = text, tokens(text)
        self._number, self._depth = 0, 0

    @property
    def _now(self) -> Token:
        return self._tokens[self._number]

    def whole(self, read: Callable[[], Expr]) -> Expr:
        """Read all of the text."""
        tree = read()
        if self._now.sort != "end":
            raise self._fault(f"Syntax error: mismatched input '{self._now.text}' expecting <EOF>")
        return tree

    def _fault(self, why: str, at: int | None = None) -> CelError:
        return CelError(pointed(self._text, self._now.at if at is None else at, why))

    def _take(self) -> Token:
        token = self._now
        self._number += token.sort != "end"
        return token

    def _is(self, text: str) -> bool:
        return self._now.text == text and self._now.sort in ("sign", "word")

    def _skip(self, text: str) -> bool:
        if not self._is(text):
            return False
        self._take()
        return True

    def _expect(self, text: str) -> Token:
        if not self._is(text):
            raise self._fault(f"Syntax error: mismatched input '{self._now.text}' expecting '{text}'")
        return self._take()

    def expression(self) -> Expr:
        """Read `a ? b : c` and whatever binds tighter."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._fault(f"expression recursion limit exceeded: {DEPTH_MAX}")
        condition = self._binary(0)
        if self._is("?"):
            at = self._take().at
            yes = self._binary(0)
            self._expect(":")
            condition = Call(at, "_?_:_", None, (condition, yes, self.expression()))
        self._depth -= 1
        return condition

    def _binary(self, level: int) -> Expr:
        if level == len(BINARY):
            return self._unary()
        left = self._binary(level + 1)
        while self._now.sort in ("sign", "word") and self._now.text in BINARY[level]:
            token = self._take()
            right = self._binary(level + 1)
            left = Call(token.at, BINARY[level][token.text], None, (left, right))
        return left

    def _unary(self) -> Expr:
        signs: list[Token] = []
        while self._is("!") or self._is("-"):
            signs.append(self._take())
        if signs and len(set(one.text for one in signs)) == 1 and len(signs) % 2 == 0:
            signs = []
        operand = self._member(self._negative(signs))
        for token in reversed(signs):
            operand = Call(token.at, "-_" if token.text == "-" else "!_", None, (operand,))
        return operand

    def _negative(self, signs: list[Token]) -> Expr | None:
        """Read a negative number as one constant: the least one has no positive twin."""
        number = self._now.value
        if not signs or signs[-1].text != "-" or type(number) not in (int, float):
            return None
        self._take()
        return Literal(signs.pop().at, self._ranged(-number))

    def _ranged(self, number: int | float) -> int | float:
        if type(number) is int and not -INT_MAX - 1 <= number <= INT_MAX:
            raise self._fault("invalid int literal")
        return number

    def _member(self, operand: Expr | None) -> Expr:
        operand = operand if operand is not None else self._primary()
        while True:
            if self._is("."):
                dot = self._take()
                optional = self._skip("?")
                operand = self._dotted(operand, dot, optional=optional)
            elif self._is("["):
                at = self._take().at
                name = "_[?_]" if self._skip("?") else "_[_]"
                operand = Call(at, name, None, (operand, self.expression()))
                self._expect("]")
            elif self._is("{") and _qualified(operand):
                operand = self._message(operand)
            else:
                return operand

    def _dotted(self, operand: Expr, dot: Token, *, optional: bool) -> Expr:
        token = self._take()
        if token.sort not in ("word", "quoted") or token.text in CONSTANTS or token.text == "in":
            raise self._fault(f"Syntax error: no viable alternative at input '.{token.text}'", token.at)
        if not optional and token.sort == "word" and self._is("("):
            paren = self._take()
            return self._macro(operand, token, paren.at, self._list(")"))
        return Select(dot.at, operand, token.text, optional=optional)

    def _list(self, end: str) -> tuple[Expr, ...]:
        found: list[Expr] = []
        while not self._is(end):
            found.append(self.expression())
            if not self._skip(","):
                break
        self._expect(end)
        return tuple(found)

    def _primary(self) -> Expr:
        token = self._now
        if token.sort == "value":
            self._take()
            return Literal(token.at, self._ranged(token.value) if type(token.value) is int else token.value)
        if token.sort == "word" and token.text != "in":
            self._take()
            return self._word(token)
        if self._skip("."):
            return self._word(self._take())
        if self._skip("("):
            inner = self.expression()
            self._expect(")")
            return inner
        if self._skip("["):
            return self._items(token.at)
        if self._skip("{"):
            return self._entries(token.at)
        raise self._fault(f"Syntax error: mismatched input '{token.text}' expecting {PRIMARY}")

    def _word(self, token: Token) -> Expr:
        if token.text in CONSTANTS:
            return Literal(token.at, CONSTANTS[token.text])
        if self._is("("):
            paren = self._take()
            return self._global(token, paren.at, self._list(")"))
        if token.text in RESERVED:
            raise self._fault(f"reserved identifier: {token.text}", token.at)
        return Ident(token.at, token.text)

    def _items(self, at: int) -> Expr:
        items, optional = list[Expr](), set[int]()
        while not self._is("]"):
            if self._skip("?"):
                optional.add(len(items))
            items.append(self.expression())
            if not self._skip(","):
                break
        self._expect("]")
        return ListExpr(at, tuple(items), frozenset(optional))

    def _entries(self, at: int) -> Expr:
        entries, optional = list[tuple[Expr, Expr]](), set[int]()
        while not self._is("}"):
            if self._skip("?"):
                optional.add(len(entries))
            key = self.expression()
            self._expect(":")
            entries.append((key, self.expression()))
            if not self._skip(","):
                break
        self._expect("}")
        return MapExpr(at, tuple(entries), frozenset(optional))

    def _message(self, operand: Expr) -> Expr:
        at = self._expect("{").at
        entries: list[tuple[str, Expr]] = []
        while not self._is("}"):
            self._skip("?")
            name = self._take().text
            self._expect(":")
            entries.append((name, self.expression()))
            if not self._skip(","):
                break
        self._expect("}")
        return Message(at, _qualified(operand), tuple(entries))

    def _global(self, token: Token, at: int, args: tuple[Expr, ...]) -> Expr:
        if token.text == "has" and len(args) == 1:
            if not isinstance(args[0], Select) or args[0].test:
                raise self._fault("invalid argument to has() macro", args[0].at)
            return Select(at, args[0].operand, args[0].field, test=True)
        return Call(at, token.text, None, args)

    def _macro(self, target: Expr, token: Token, at: int, args: tuple[Expr, ...]) -> Expr:
        name = token.text
        if (name, len(args)) in LOOPS:
            return self._loop(target, name, at, args)
        if name in ("optMap", "optFlatMap") and len(args) == 2:
            return OptMap(at, target, self._variable(args[0], name), args[1], name == "optFlatMap")
        if name == "bind" and len(args) == 3 and isinstance(target, Ident) and target.name == "cel":
            return Bind(at, self._variable(args[0], "cel.bind"), args[1], args[2])
        if name == "sortBy" and len(args) == 2:
            return self._sorted(target, at, args)
        return Call(at, name, target, args)

    def _loop(self, target: Expr, name: str, at: int, args: tuple[Expr, ...]) -> Expr:
        sort = "exists_one" if name == "existsOne" else name
        two = name.startswith("transform") or (name != "map" and len(args) == 3)
        names = tuple(self._variable(one, name) for one in args[: 2 if two else 1])
        if len(set(names)) != len(names):
            raise self._fault(f"duplicate variable name: {names[0]}", args[1].at)
        rest = args[len(names):]
        if sort in ("all", "exists", "exists_one", "filter"):
            return Loop(at, sort, target, names, rest[0])
        test = rest[0] if len(rest) == 2 else None
        return Loop(at, sort, target, names, test, rest[-1])

    def _sorted(self, target: Expr, at: int, args: tuple[Expr, ...]) -> Expr:
        """Compute the key of each item, and sort the items by them. Source: cel-go ext/lists.go, sortByMacro."""
        if isinstance(target, Literal | MapExpr | Message):
            raise self._fault("sortBy can only be applied to a list, identifier, comprehension, call or select "
                              "expression", target.at)
        name = self._variable(args[0], "sortBy")
        items = Ident(target.at, SORTED)
        keys = Loop(at, "map", items, (name,), None, args[1])
        return Bind(at, SORTED, target, Call(at, "@sortByAssociatedKeys", items, (keys,)))

    def _variable(self, given: Expr, macro: str) -> str:
        if not isinstance(given, Ident):
            raise self._fault(f"argument must be a simple name in {macro}()", given.at)
        return given.name


def _qualified(node: Expr) -> str:
    """Return a dotted name as text; empty if it is none."""
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.test and not node.optional:
        head = _qualified(node.operand)
        return f"{head}.{node.field}" if head else ""
    return ""
