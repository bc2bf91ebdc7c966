"""Reading the server, and redis-py's errors as the projector's."""
