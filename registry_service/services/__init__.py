"""Use cases: one function each, over a unit of work that commits state and events together."""
