"""Where a query reads: the namespaces that are meant, found anew from time to time, and a connection to each."""
