"""What a user would take instead of this project, where it is installed."""
