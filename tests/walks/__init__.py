"""Pages that tell what to type, walked: their commands are run as they stand there."""
