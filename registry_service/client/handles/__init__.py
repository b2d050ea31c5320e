"""Handles: names that know which calls there are of what they name.

`names` describes once what each kind of name can be asked for; `sync` and `asynchronous` send it. A handle keeps
nothing but its names and its client, and asks nothing before it is told to.
"""
