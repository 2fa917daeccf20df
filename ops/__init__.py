"""Commands for operators of a stack, whatever its backend: `python -m ops --help`. They change nothing, but where one
says so; what they know of the services, `components` and `providers` know.
"""
