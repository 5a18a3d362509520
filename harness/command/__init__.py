"""Text that will be executed, built by pure functions."""
