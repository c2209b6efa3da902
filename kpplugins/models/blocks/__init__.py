"""Residual blocks and the hourglass made of them."""
