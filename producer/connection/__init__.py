"""Where Redis is, and clients of it: found, made, judged, and told apart."""
