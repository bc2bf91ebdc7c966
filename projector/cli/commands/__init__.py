"""The commands. A module here loads at its top what its options need; a command loads the rest when it runs."""
