"""Figures for Prometheus, made from the projection, and whether a projector is well."""
