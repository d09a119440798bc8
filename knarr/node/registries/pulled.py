"""Remember by whose login each image was pulled: a pod without it must show its own before it may use the image.

What was on the machine before, loaded from an archive or pulled without a login is everybody's.
Source: KEP-2535, policy NeverVerifyPreloadedImages; kube images/pullmanager/image_pull_manager.go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog

from knarr.node.registries.keyring import Login

EVERYBODY: Final = "*"

log = structlog.get_logger()


class Record(msgspec.Struct):
    """Who may use what. pulled: image id -> repository -> their marks. begun: repositories whose pull has not ended."""

    pulled: dict[str, dict[str, list[str]]] = msgspec.field(default_factory=dict)
    begun: list[str] = msgspec.field(default_factory=list)


class Pulled:
    """The record of one node, on disk."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._record = _read(file)

    def begin(self, repository: str) -> None:
        """Note that a pull begins: what it leaves, should we die in between, is nobody's yet."""
        if repository not in self._record.begun:
            self._record.begun.append(repository)
            self._write()

    def end(self, repository: str, image_id: str, login: Login | None, *, present: Collection[str]) -> None:
        """Note how a pull ended. login: the one that opened the registry. present: ids of the images still there."""
        self._drop(repository)
        marks = self._record.pulled.setdefault(image_id, {}).setdefault(repository, [])
        marks += [mark for mark in _marks(login) if mark not in marks]
        self._record.pulled = {key: value for key, value in self._record.pulled.items() if key in present}
        self._write()

    def fail(self, repository: str) -> None:
        """Note that a pull failed: nothing came of it."""
        self._drop(repository)
        self._write()

    def open_to(self, repository: str, image_id: str, logins: Sequence[Login]) -> bool:
        """Tell whether a pod with these logins may use an image that is here."""
        marks = self._record.pulled.get(image_id, {}).get(repository)
        if marks is None:   # nobody pulled it by this name: it was loaded, whatever else the same content is called
            return repository not in self._record.begun
        return EVERYBODY in marks or any(mark in marks for login in logins if login.secret for mark in _marks(login))

    def _drop(self, repository: str) -> None:
        if repository in self._record.begun:
            self._record.begun.remove(repository)

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(self._record))
        draft.chmod(0o600)
        draft.replace(self._file)


def repository_of(reference: str) -> str:
    """Return an image's whole name without tag and digest."""
    name = reference.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name


def _marks(login: Login | None) -> list[str]:
    """Return what proves a login later: the secret it stands in, or the same words in another one."""
    if login is None or not login.secret:
        return [EVERYBODY]
    digest = hashlib.sha256(f"{login.username}\0{login.password}".encode()).hexdigest()
    return [f"secret:{login.secret}", f"sha256:{digest}"]


def _read(file: Path) -> Record:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Record)
    except FileNotFoundError:
        return Record()
    except (OSError, msgspec.DecodeError) as error:
        log.error("images.record_unreadable", file=str(file), error=str(error))
        return Record()
