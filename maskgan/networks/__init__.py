"""The networks, their registry, and the one loader of weights."""

from maskgan.networks.slim_import import import_diffusers

import_diffusers()
