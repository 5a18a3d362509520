"""A model put to its use: what stands on pictures and in videos, how much of it, and when."""
