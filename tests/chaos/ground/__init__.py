"""The ground of a run: servers, projectors, the wire between, and the operator."""
