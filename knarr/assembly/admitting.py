"""Read the AdmissionConfiguration file that the command line names."""

from __future__ import annotations

from pathlib import Path

from knarr.apiserver.settings import PodSecurityDefaults
from knarr.assembly.failure import Failure
from knarr.assembly.instance import Instance


def pod_security_of(instance: Instance) -> PodSecurityDefaults:
    """Return what Pod Security is told. Raises Failure for a file that cannot be used."""
    if not instance.config.admission_control_config_file:
        return PodSecurityDefaults()
    from knarr.apiserver.admission.configuration import read
    from knarr.apiserver.config_files import BadConfiguration

    path = Path(instance.config.admission_control_config_file)
    try:
        return read(path.read_bytes(), lambda other: (path.parent / other).read_bytes())
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}", "mend the path, or leave the option out") from error
    except BadConfiguration as error:
        raise Failure(f"{path} cannot be used: {error}", "mend the file, then: knarr up") from error
