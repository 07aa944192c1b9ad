"""Apps on the machine: tasks, notary, account."""
