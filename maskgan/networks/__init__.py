"""The networks, their registry, and the one loader of weights."""

from maskgan.slim_imports import import_diffusers

import_diffusers()
