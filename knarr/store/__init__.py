"""Keep every object's present bytes, in memory and on disk, and tell watchers what changes.

Knows keys and bytes, not kinds. `face` says what a store is; `open_memory` and `open_sqlite` make one.
"""
