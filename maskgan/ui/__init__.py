"""The Gradio page of MaskGAN Studio."""

import os

# Gradio reads these when it is imported or launched: nothing that people do here is reported to anybody, and their
# photos are not kept in the browser's storage.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_RUN_HISTORY", "False")

from maskgan.ui.slim_import import import_gradio

import_gradio()
