"""The questions, each written once: what it asks of the server, and what it makes of the replies."""
