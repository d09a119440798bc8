"""Complete and check every write before it is stored: one small file per rule, run in Kubernetes' order.

Source of the order: kube kubeapiserver/options/plugins.go, AllOrderedPlugins.
"""
