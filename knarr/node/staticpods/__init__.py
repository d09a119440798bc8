"""Run the pods that lie as files in `<data dir>/manifests`, with or without an API server.

`manifest` (pure) makes a pod of a file, `folder` reads the directory, `mirrors` (its `step` pure) shows the pods in the
API, `statics` starts and ends them.
"""
