"""What reading the log costs: time and memory."""
