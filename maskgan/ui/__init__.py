"""The Gradio page of MaskGAN Studio."""

import os

# Gradio reads this when it is imported: nothing that people do here is reported to anybody.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
