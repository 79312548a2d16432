"""The process a stage runs in: the standard library, and the plugin it was told to load."""
