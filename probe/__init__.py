"""Watches a process, its children, the machine and its GPUs; knows nothing of what runs."""
