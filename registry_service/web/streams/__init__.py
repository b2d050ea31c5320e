"""The log as it grows, to many readers at once (Server-Sent Events): what is written, who is told, one stream."""
