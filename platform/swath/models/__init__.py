"""Encoders, heads, packages and the predictor."""
