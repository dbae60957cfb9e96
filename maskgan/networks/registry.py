"""The networks of a pipeline, by name: the one list that files, the pipeline and the trainer go by.

A name is a folder beside `model_index.json` and an argument of `MaskGANPipeline`. The class that is built is always the
one registered here, whatever module a file names.
"""

from __future__ import annotations

from diffusers import ModelMixin

from maskgan.networks.alpha_blender import AlphaBlender
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.face_parser import FaceParser
from maskgan.networks.mask_vae import MaskVAE

NETWORKS: dict[str, type[ModelMixin]] = {
    "dmn": DenseMappingNetwork,
    "parser": FaceParser,
    "mask_vae": MaskVAE,
    "alpha_blender": AlphaBlender,
}

#: Networks that every pipeline has.
REQUIRED = ("dmn", "parser")
