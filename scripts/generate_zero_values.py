"""Write knarr/api/zero_values.json: the fields in which "", 0 and false mean the same as nothing.

In Kubernetes these are plain Go values with `omitempty`: a zero is not sent on, and is completed as if it were absent.
A pointer's zero is a value like any other. No document of the API tells the two apart, but every program built from the
Go types carries them for reflection. Run it with a kubectl binary (ELF, 64 bits, not relocatable), the newest there is:

    python scripts/generate_zero_values.py $(which kubectl)

Source of the layouts: Go internal/abi/type.go.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from knarr.api import schema

OUT = Path(__file__).parents[1] / "knarr/api/zero_values.json"
SCALARS = frozenset(range(1, 15)) | {24}  # reflect.Kind: booleans, numbers, strings
MAP, POINTER, SLICE, STRUCT, BYTES = 21, 22, 23, 25, "byte"
NAMED = 1  # of a type's flags: its package is known
TYPE = struct.Struct("<QQIBBBBQQii")
META, API = "k8s.io/apimachinery/pkg/apis/meta/v1", "k8s.io/api/"
OLDER = ("v1beta2", "v1beta1", "v1alpha1")  # versions that became v1 after the program was built
CRD, AGGREGATED = "apiextensions_v1", "apiregistration_v1"
NOT_IN_KUBECTL = {  # Source: kube apiextensions pkg/apis/apiextensions/v1, kube-aggregator pkg/apis/apiregistration/v1
    f"{AGGREGATED}.APIServiceSpec": ["caBundle", "group", "insecureSkipTLSVerify", "version"],
    f"{AGGREGATED}.APIServiceCondition": ["message", "reason"],
    f"{AGGREGATED}.ServiceReference": ["name", "namespace"],
    f"{CRD}.CustomResourceColumnDefinition": ["description", "format", "priority"],
    f"{CRD}.CustomResourceDefinitionCondition": ["message", "reason"],
    f"{CRD}.CustomResourceDefinitionNames": ["listKind", "singular"],
    f"{CRD}.CustomResourceDefinitionSpec": ["preserveUnknownFields"],
    f"{CRD}.CustomResourceDefinitionVersion": ["deprecated"],
    f"{CRD}.ValidationRule": ["fieldPath", "message", "messageExpression"],
    f"{CRD}.WebhookClientConfig": ["caBundle"],
}


class Member(NamedTuple):
    """A field of a struct. at: the address of its type. embedded: it has no name of its own."""

    tag: str
    embedded: bool
    at: int


class Program:
    """The types that a program carries."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        (table,), (count, names) = struct.unpack_from("<Q", data, 0x28), struct.unpack_from("<HH", data, 0x3C)
        rows = [struct.unpack_from("<IIQQQQ", data, table + 64 * number) for number in range(count)]
        named = {self._text(rows[names][4] + row[0]): row for row in rows}
        self.spans = [(row[3], row[5], row[4]) for row in rows if row[3]]
        self.base = named[".rodata"][3]
        links = named[".typelink"]
        self.roots = [self.base + one for one, in struct.iter_unpack("<i", data[links[4]:links[4] + links[5]])]

    def place(self, address: int) -> int:
        """Return where an address lies in the file."""
        return next(at + address - low for low, size, at in self.spans if low <= address < low + size)

    def pointer(self, at: int) -> int:
        """Read an address."""
        return int(struct.unpack_from("<Q", self.data, at)[0])

    def kind(self, address: int) -> int:
        """Return a type's reflect.Kind."""
        return int(TYPE.unpack_from(self.data, self.place(address))[6]) & 31

    def name(self, address: int) -> tuple[str, str, bool]:
        """Read a name: itself, its tag, and whether it is of an embedded field."""
        at = self.place(address)
        flags = self.data[at]
        text, at = self._counted(at + 1)
        tag = self._counted(at)[0] if flags & 2 else ""
        return text, tag, bool(flags & 8)

    def structs(self) -> Iterator[tuple[str, int]]:
        """Yield every struct that has a package, as `k8s.io/api/core/v1.Pod`, with its address."""
        waiting, seen = list(self.roots), set[int]()
        while waiting:
            address = waiting.pop()
            if not address or address in seen:
                continue
            seen.add(address)
            at, kind = self.place(address), self.kind(address)
            if kind in (POINTER, SLICE):
                waiting.append(self.pointer(at + TYPE.size))
            elif kind == MAP:
                waiting += [self.pointer(at + TYPE.size), self.pointer(at + TYPE.size + 8)]
            elif kind == STRUCT:
                waiting += [member.at for member in self.members(address)]
                row = TYPE.unpack_from(self.data, at)
                if row[3] & NAMED:
                    package = self.name(self.base + struct.unpack_from("<i", self.data, at + TYPE.size + 32)[0])[0]
                    yield f"{package}.{self.name(self.base + row[9])[0].rpartition('.')[2]}", address

    def members(self, address: int) -> Iterator[Member]:
        """Yield a struct's fields."""
        first, count = struct.unpack_from("<QQ", self.data, self.place(address) + TYPE.size + 8)
        for number in range(count):
            at = self.place(first) + 24 * number
            _, tag, embedded = self.name(self.pointer(at))
            yield Member(tag, embedded, self.pointer(at + 8))

    def _text(self, at: int) -> str:
        return self.data[at:self.data.index(b"\0", at)].decode()

    def _counted(self, at: int) -> tuple[str, int]:
        size = shift = 0
        while True:
            byte = self.data[at]
            size, shift, at = size | (byte & 127) << shift, shift + 7, at + 1
            if byte < 128:
                return self.data[at:at + size].decode(errors="replace"), at + size


def omitted(program: Program, address: int) -> set[str]:
    """Return the JSON names of a struct's plain fields whose zero is not sent on, embedded ones included."""
    found: set[str] = set()
    for member in program.members(address):
        name, *options = member.tag.partition('json:"')[2].partition('"')[0].split(",")
        kind = program.kind(member.at)
        if kind == STRUCT and ("inline" in options or (member.embedded and not name)):
            found |= omitted(program, member.at)
        elif "omitempty" in options and kind in SCALARS | {SLICE}:
            found.add(name)
    return found


def main(path: Path) -> None:
    """Read the program and write the table."""
    program = Program(path.read_bytes())
    structs = {name: address for name, address in program.structs() if name.startswith((API, META))}
    table: dict[str, list[str]] = dict(NOT_IN_KUBECTL)
    for definition in schema.table()["definitions"]:
        module, _, name = definition.partition(".")
        group, _, now = module.rpartition("_")
        packages = [META] if group == "meta" else [f"{API}{group}/{version}" for version in (now, *OLDER)]
        address = next((structs[f"{one}.{name}"] for one in packages if f"{one}.{name}" in structs), None)
        if address is None:
            continue
        zeros = omitted(program, address)
        fields = sorted(key for key, row in schema.fields_of(definition).items()
                        if key in zeros and row.type in ("string", "int32", "int64", "boolean", BYTES))
        if fields:
            table[definition] = fields
    OUT.write_text(json.dumps(table, separators=(",", ":"), sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
