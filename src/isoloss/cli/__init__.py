"""The command line: verbs to settings to runs. `main` is the `isoloss` command."""
