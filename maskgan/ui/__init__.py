"""The Gradio page of MaskGAN Studio."""
