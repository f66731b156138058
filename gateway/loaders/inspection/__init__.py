"""Lists what a model file names and holds without executing any of it: globals, types, operators, members."""
