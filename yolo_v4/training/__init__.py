"""Targets, loss, schedule and the training loop."""
