"""Work out which processors, memory and devices lie close to each other. Pure, but for reading the machine.

Kubernetes calls these the CPU manager, the memory manager and the topology manager. `topology` knows the machine;
`cpus` and `memory` offer sets of NUMA nodes and choose, as the node's devices do; `hints` agrees on one set; `book`
keeps what was given. `knarr.node.keeper` asks them all.
"""
