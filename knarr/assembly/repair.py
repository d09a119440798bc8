"""Mend a damaged database and say what was saved."""

from __future__ import annotations

from knarr.assembly import pki
from knarr.assembly.failure import Failure
from knarr.assembly.instance import Instance
from knarr.store import repair as store_repair
from knarr.store.face import StoreOwned
from knarr.store.sealed import Sealed


def repair(instance: Instance) -> str:
    """Replace the database by one with every sound object; the old file is kept. Returns a line for the user."""
    if not instance.database.exists():
        raise Failure(f"there is no database at {instance.database}", "knarr up makes one")
    try:
        done = store_repair.repair(instance.database, cipher=Sealed(pki.seal_keys(instance)))
    except StoreOwned as error:
        raise Failure(f"the server is running on it: {error}", "knarr down, then try again") from error
    except LookupError as error:
        raise Failure(str(error.args[0]), f"put {instance.pki / pki.SEAL} back as it was") from error
    lost = f"; lost: {', '.join(done.lost)}" if done.lost else ""
    return f"{done.kept} objects saved{lost}; the old file is {done.old_file}"
