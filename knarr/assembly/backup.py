"""Copy an instance's database while it runs, and put such a copy back while it is stopped."""

from __future__ import annotations

from pathlib import Path

from knarr.assembly import pki
from knarr.assembly.failure import Failure
from knarr.assembly.instance import Instance
from knarr.store import backup as store_backup
from knarr.store.face import StoreDamaged, StoreOwned, StoreUnavailable
from knarr.store.sealed import Sealed


def save(instance: Instance, target: Path) -> int:
    """Write one committed state of the database to `target`, readable by its owner alone; return its bytes."""
    if not instance.database.exists():
        raise Failure(f"there is no database at {instance.database}", "knarr up makes one")
    if not target.parent.is_dir():
        raise Failure(f"there is no folder {target.parent}", f"mkdir -p {target.parent}; then this command again")
    try:
        size = store_backup.backup(instance.database, target)
    except FileExistsError as error:
        raise Failure(f"{target} exists, and a backup replaces nothing", "name a file that is not there yet") from error
    except StoreUnavailable as error:
        raise Failure(f"no backup was made: {error.reason}", "free some space, or name another disk") from error
    target.chmod(0o600)
    return size


def restore(instance: Instance, source: Path) -> int:
    """Put a backup in the place of the database; return how many objects it holds. The old one is kept beside it."""
    try:
        return store_backup.restore(source, instance.database, cipher=Sealed(pki.seal_keys(instance)))
    except StoreOwned as error:
        stop = f"knarr down --data-dir {instance.data_dir}"
        raise Failure(f"the server is running: {error}", f"{stop}; then this command again") from error
    except StoreDamaged as error:
        raise Failure(f"{source} is no sound backup ({error.reason}); nothing changed", "use another backup") from error
    except StoreUnavailable as error:
        key = instance.pki / pki.SEAL
        raise Failure(
            f"nothing changed: {error.reason}", f"its Secrets need the keys that sealed them: put back {key}"
        ) from error
