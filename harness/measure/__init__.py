"""Measuring: what a bench runs, the records it leaves, and what may be concluded from them."""
