"""Runs the project's own program, as stack dev, on the sandbox: the commands behind `make up` and `make down`."""
