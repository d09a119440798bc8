"""Cut an expression into tokens. Source: CEL language definition, Syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from knarr.api.cel.faults import CelError, pointed
from knarr.api.cel.values import Uint

INT_MAX, UINT_MAX = (1 << 63) - 1, (1 << 64) - 1
TOKEN = re.compile(
    r"""(?P<space>(?:[ \t\r\n\f]+|//[^\n]*)+)"""
    r"""|(?P<text>[rRbB]{0,2}(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}"""
    r"""|"(?:\\.|[^"\\\r\n])*"|'(?:\\.|[^'\\\r\n])*'))"""
    r"""|(?P<float>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)"""
    r"""|(?P<int>0[xX][0-9a-fA-F]+|\d+)(?P<unsigned>[uU]?)"""
    r"""|(?P<word>[A-Za-z_]\w*)|`(?P<quoted>[\w.\-/ ]+)`"""
    r"""|(?P<sign>&&|\|\||==|!=|<=|>=|\[\?|\{\?|[-+*/%!?:<>.,()\[\]{}])""", re.DOTALL | re.ASCII)
RAW_TEXT = re.compile(r"[rR][bB]?|[bB][rR]")
ESCAPE = re.compile(r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
                    r"|([0-3][0-7]{2})|(.))", re.DOTALL)
SURROGATES = range(0xD800, 0xE000)  # halves of characters, which no text holds
NAMED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
RESERVED = frozenset({"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop",
                      "package", "namespace", "return", "var", "void", "while"})


@dataclass(frozen=True, slots=True)
class Token:
    """sort: sign, word, quoted, value or end. value: of a constant."""

    sort: str
    text: str
    at: int
    value: Any = None


def tokens(text: str) -> list[Token]:
    """Return the tokens of an expression, the end last; raises CelError."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise CelError(pointed(text, at, f"Syntax error: token recognition error at: '{text[at]}'"))
        if not match["space"]:
            found += _token(text, match)
        at = match.end()
    return [*found, Token("end", "<EOF>", len(text))]


def _token(text: str, match: re.Match[str]) -> list[Token]:
    at, said = match.start(), match[0]
    if match["text"]:
        return [Token("value", said, at, _string(text, match))]
    if match["float"]:
        return [Token("value", said, at, float(said))]
    if match["int"]:
        number = int(match["int"], 0) if match["int"][:2].lower() == "0x" else int(match["int"])
        if match["unsigned"] and number > UINT_MAX:
            raise CelError(pointed(text, at, "invalid uint literal"))
        return [Token("value", said, at, Uint(number) if match["unsigned"] else number)]
    if match["quoted"]:
        return [Token("quoted", match["quoted"], at)]
    if match["word"]:
        return [Token("word", said, at)]
    if said in ("[?", "{?"):
        return [Token("sign", said[0], at), Token("sign", "?", at + 1)]
    return [Token("sign", said, at)]


def _string(text: str, match: re.Match[str]) -> str | bytes:
    said = match[0]
    quote = min(at for at in (said.find("'"), said.find('"')) if at >= 0)
    head, rest = said[:quote].lower(), said[quote:]
    width = 3 if rest[:3] in ("'''", '"""') else 1
    body = rest[width:-width]
    as_bytes = "b" in head
    if "r" in head:
        return body.encode() if as_bytes else body
    if as_bytes:
        return _bytes(text, match.start(), body)

    def unescaped(found: re.Match[str]) -> str:
        if found[6]:
            raise CelError(pointed(text, match.start(), f"Syntax error: token recognition error at: '{found[0]}'"))
        if found[1]:
            return NAMED.get(found[1], found[1])
        code = int(found[5], 8) if found[5] else int(found[2] or found[3] or found[4], 16)
        if code in SURROGATES:
            raise ValueError(code)
        return chr(code)

    try:
        return ESCAPE.sub(unescaped, body)
    except (ValueError, OverflowError) as fault:
        raise CelError(pointed(text, match.start(), "invalid unicode code point")) from fault


def _bytes(text: str, at: int, body: str) -> bytes:
    """Read the inside of a bytes constant: hexadecimal and octal escapes are bytes, all else is UTF-8."""
    made, done = b"", 0
    for found in ESCAPE.finditer(body):
        made += body[done:found.start()].encode()
        done = found.end()
        if found[6] or found[3] or found[4]:
            raise CelError(pointed(text, at, f"Syntax error: token recognition error at: '{found[0]}'"))
        if found[1]:
            made += NAMED.get(found[1], found[1]).encode()
        else:
            made += bytes([int(found[5], 8) if found[5] else int(found[2], 16)])
    return made + body[done:].encode()
