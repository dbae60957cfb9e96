"""The networks of a pipeline, by name: the one list that files, the pipeline and the trainer go by.

A name is a folder beside `model_index.json` and an argument of `MaskGANPipeline`. Files name classes only for people:
the class to build is always the one that is registered here.
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

#: Without these there is no pipeline.
REQUIRED = ("dmn", "parser")

#: Side in pixels of the face crop that the bundled networks work on.
CROP_SIZE = 256
