"""CertificateSigningRequests: approve those of agents, sign what is approved for the built-in signers, forget the old.

`rules` says what a signer accepts, `plan` what is next for a request, `sign` makes the certificate, `run` is the loop.
`settings.ca_pem` and `settings.ca_key_pem` (text) are the authority; assembly puts them there.
"""

from knarr.controllers.certificates.run import run

__all__ = ["run"]
