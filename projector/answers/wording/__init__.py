"""How answers are put into words, on a terminal and on a page."""
