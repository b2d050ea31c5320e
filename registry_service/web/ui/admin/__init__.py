"""Pages for those who look after the registry: people, policies, retention, storage."""
