"""Charts drawn as SVG, with no library, no script and no style of their own: a stylesheet colours their classes."""
