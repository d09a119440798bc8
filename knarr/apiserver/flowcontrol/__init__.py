"""Share the server's attention: who waits when there is more to do than seats, and for how long.

`rules` says which flow a request belongs to, `levels` who may run and who waits, `config` keeps both in step with the
FlowSchemas and PriorityLevelConfigurations of the store, `defaults` is what every cluster starts with.
"""
