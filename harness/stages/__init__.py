"""What depends on what: the only room that imports luigi."""
