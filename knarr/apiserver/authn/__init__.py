"""Find out who calls: client certificates, service account tokens, and impersonation on top of either."""
