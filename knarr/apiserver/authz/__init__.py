"""Decide who may do what: RBAC over the store's roles and bindings, and the node authorizer.

`rules` matches one rule; `rbac` keeps the index; `nodes` lets an agent read what its pods need; `reviews` answers the
review kinds; `escalation` keeps people from granting what they do not have; `bootstrap` makes the default roles.
"""
