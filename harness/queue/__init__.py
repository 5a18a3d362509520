"""Slurm: the batch script, submission, waiting, and what happens inside a job."""
