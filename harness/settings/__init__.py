"""Everything that is decided before a run: variables, recipes, data sets, platforms."""
