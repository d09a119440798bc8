"""One rule to a module, each pure: which nodes it refuses, in kube-scheduler's words, and how it scores the others."""
