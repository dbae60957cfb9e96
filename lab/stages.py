"""The stages of training by the name of their script: the one list of them."""

from __future__ import annotations

from lab.pretrain_dmn import DmnSettings
from lab.train_ebst import EbstSettings
from lab.train_mask_vae import MaskVAESettings
from lab.train_parser import ParserSettings
from lab.training.settings import Settings

STAGES: dict[str, type[Settings]] = {
    stage.stage: stage for stage in (ParserSettings, MaskVAESettings, DmnSettings, EbstSettings)
}


def stage_of(name: str) -> type[Settings]:
    """The settings of a stage; raises ValueError when there is none of that name."""
    if not isinstance(name, str) or name not in STAGES:
        raise ValueError(f"There is no stage {name!r}; choose from {', '.join(STAGES)}.")
    return STAGES[name]
