"""MaskGAN Studio: edit a face by painting its semantic mask (Lee et al., CVPR 2020)."""
