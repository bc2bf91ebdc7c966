"""The way to Redis: where it is, clients, servers by their address, and raw connections."""
