"""Extend the API by other servers: an APIService names a group, a version and the Service that answers for them.

`registered` knows the APIServices, `requests` reads paths of kinds that only the extension server knows, `identity` is
how we speak for a caller, `passing` sends requests on, `checks` finds out who is available, `documents` merges
discovery and OpenAPI, `local` keeps the APIServices of what this server itself serves, `aggregator` joins them.
"""
