"""What projecting and reading cost: time, memory, and the time that other clients wait."""
