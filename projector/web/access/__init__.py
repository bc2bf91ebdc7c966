"""Who may look: the address, the secrets, the names of the host, and what a browser may do with a page."""
