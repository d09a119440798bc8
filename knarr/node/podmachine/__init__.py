"""Decide a pod's next steps. Pure: events in, instructions out; time is an argument.

`table` holds the two lifecycles, of a pod and of a container in it; `state` the words; `restart` the rules of
restarting; `machine.advance` applies an event and settles until nothing more is to be decided.
"""
