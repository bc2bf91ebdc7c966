"""Which namespaces somebody means by names and globs, found on the server or on every master of a cluster."""
