"""Write down who asked for what, as an audit policy says: `policy` decides, `events` words, `log` keeps, `trail` joins
them around a request. Source: kube apiserver pkg/audit and plugin/pkg/audit.
"""
