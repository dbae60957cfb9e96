"""Sides of square pictures, in pixels."""

#: A face crop and its mask: what people paint on.
CROP_SIZE = 512

#: What the bundled networks are trained on: a whole face, or a window of one.
NETWORK_SIZE = 256

#: Sides of what a generator draws are multiples of it.
DRAWN_STEP = 32
