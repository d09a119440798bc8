"""Set the audit log up as the command line asks: a policy file, and where the events go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from knarr.assembly.failure import Failure
from knarr.assembly.instance import Instance
from knarr.base.clock import Clock
from knarr.base.rng import Rng

if TYPE_CHECKING:
    from knarr.apiserver.audit.trail import Audit

DAY_S, MB = 86_400, 1_000_000


def audit_of(instance: Instance, clock: Clock, rng: Rng) -> Audit | None:
    """Return what writes requests down; None where no policy was given. Raises Failure for one that cannot be used."""
    config = instance.config
    if not config.audit_policy_file:
        return None
    from knarr.apiserver.audit.log import AuditLog, Place
    from knarr.apiserver.audit.policy import BadPolicy, read
    from knarr.apiserver.audit.trail import Audit

    path = Path(config.audit_policy_file)
    try:
        policy = read(path.read_bytes())
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}", "mend the path, or leave the option out") from error
    except BadPolicy as error:
        raise Failure(f"{path} cannot be used: {error}", "mend the file, then: knarr up") from error
    target = Path(config.audit_log_path) if config.audit_log_path else instance.logs / "audit.log"
    if not target.parent.is_dir():
        raise Failure(f"{target.parent} is no directory to keep an audit log in", f"mkdir -p {target.parent}")
    place = Place(target, config.audit_log_maxsize * MB, config.audit_log_maxage * DAY_S, config.audit_log_maxbackup)
    return Audit(policy, AuditLog(place, clock), clock=clock, rng=rng.child("audit"))
