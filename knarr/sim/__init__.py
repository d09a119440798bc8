"""Run the whole assembly on virtual time, with every kind of fault, and see that it keeps its promises.

`run` plays one seed: a `world` (server over a durable disk, controllers, scheduler, nodes with the real agent over a
container runtime in memory, all joined by a `network`), in which `users` make and change workloads while `faults`
strike. After every write the `laws` are checked; after the faults are healed everything must settle (`settled`).
All dice come from the seed, so a seed that fails fails again, and its `story` says how.
"""
