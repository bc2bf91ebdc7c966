"""What recording costs: a call, and the way of an operation until a reader sees it."""
