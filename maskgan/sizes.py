"""Sides of square pictures, in pixels."""

#: A face crop and its mask: what people paint on.
CROP_SIZE = 512

#: What the bundled networks are trained on: a whole face, or a window of one.
NETWORK_SIZE = 256
