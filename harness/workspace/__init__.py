"""The workspace: where things lie, markers, the lock, and the copies of the specs that a person edits."""
