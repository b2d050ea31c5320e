"""The pages: what people see of the registry in a browser."""
