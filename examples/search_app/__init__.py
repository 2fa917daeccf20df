"""A web application that searches the collections of a stack by words, by meaning and by both, side by side.

It imports nothing of this repository: it knows the outputs of a stack, the search service's URL and an account. With a
database account it also shows rows and lag, and where that account may UPDATE, it edits a row and finds it again.
"""
