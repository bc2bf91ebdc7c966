"""A history as a person reads it: bars and sparklines, each bucket beside the one a week before."""
