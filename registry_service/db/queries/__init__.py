"""Reads: one room per noun. Each query takes a `View` and answers with the entities that the wire carries."""
