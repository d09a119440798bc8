"""Programs that others' libraries run in processes of their own: Go runtimes and event loops do not share one."""
