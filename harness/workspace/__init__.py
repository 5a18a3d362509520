"""The workspace: where things lie, markers, the lock, products aside, and copies of the specs to edit."""
