"""The page: header, tabs, and everything that `launch` needs to show it without the internet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import MAX_PIXELS
from maskgan.serving.guard import is_from_here
from maskgan.serving.hot_reload import Serving
from maskgan.ui.access import Announcer
from maskgan.ui.api import Api
from maskgan.ui.blocks import Blocks
from maskgan.ui.building import asking_once
from maskgan.ui.examples import Examples
from maskgan.ui.interpolate.tab import InterpolateTab
from maskgan.ui.keeping.keeper import LIFETIME, Keeper
from maskgan.ui.kit import TIME_TO_LIVE, UNQUEUED
from maskgan.ui.lab.layout import Lab
from maskgan.ui.lab.tab import LabTab
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.style.tab import StyleTab
from maskgan.ui.turns import take_turns
from maskgan.ui.weights_line import WeightsNews

TITLE = "MaskGAN Studio"

#: The tabs beside Paint. Each has TITLE, ID and CSS (a file), is built from the networks, the examples, the limit of
#: an upload and the page's announcer, and connects itself to the Paint tab with `connect`.
MORE_TABS = (InterpolateTab, StyleTab)

#: Gradio keeps the components of every visit until so many others came after it, whatever a state's time to live.
MAX_SESSIONS = 500

_HEADER = """<header class="page-head">
  <h1>{title}</h1>
  <p>Change a face by painting on its mask; the picture follows your brush.</p>
  <p class="privacy">{privacy}</p>
</header>"""

_LOCAL = "Nothing leaves this computer."
_HOSTED = "Photos go to the server of this page, are used for nothing else, and are deleted within a few hours."
_KEPT = (
    f" Kept in this browser for {LIFETIME} hours. "
    '<button type="button" id="forget-all" title="Delete what this browser and the server have of your visits, '
    'in all tabs, and begin anew">Forget it now</button>'
)

# Messages come up from below, where the columns of results end: at the top they would cover the result. They are one
# sentence, whose icon says enough of its kind. They and the dark theme stand outside of what `page.css` reaches.
_HEAD = """<style>
.toast-wrap { top: auto !important; right: 12px !important; bottom: 12px; width: min(400px, 100vw - 24px) !important; }
.toast-body { display: flex; flex-direction: row !important; gap: 10px; align-items: center; }
.toast-body { padding: 10px 12px !important; min-height: 0 !important; }
.toast-header { display: contents !important; }
.toast-icon { margin: 0 !important; }
.toast-title-row { position: absolute; clip-path: inset(50%); }
.toast-messages { flex: 1; padding: 0 !important; margin: 0 !important; }
.toast-close { order: 1; }
.dark { --color-accent: #7c83f8 !important; }
</style>"""

# `Font` is a family of the visitor's own computer; plain strings would be looked for among Gradio's files.
_SANS = [gr.themes.Font(name) for name in ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")]
_MONO = [gr.themes.Font(name) for name in ("ui-monospace", "Menlo", "Consolas", "monospace")]


def theme() -> gr.themes.Base:
    """Colours and fonts; fonts of the visitor's system only."""
    return gr.themes.Default(
        primary_hue="indigo", secondary_hue="indigo", neutral_hue="slate", font=_SANS, font_mono=_MONO
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        button_secondary_background_fill="*background_fill_primary",
        button_secondary_border_color="*neutral_200",
        button_secondary_border_color_dark="*neutral_700",
        button_border_width="1px",
        # Dark and light enough for small text (WCAG 2.2, 1.4.3), and for outlines (1.4.11).
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        block_label_text_color="*neutral_600",
        block_info_text_color="*neutral_600",
        color_accent="*primary_600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        input_placeholder_color="*neutral_500",
        layout_gap="10px",
    )


def launch_options() -> dict[str, Any]:
    """What `Blocks.launch` has to be told about the page's looks and limits."""
    folder = Path(__file__).parent
    return {
        "theme": theme(),
        "css_paths": [folder / "page.css", *(tab.CSS for tab in (PaintTab, *MORE_TABS)), folder / "lab" / "lab.css"],
        "head": _HEAD,
        "footer_links": [],
        "max_file_size": "200mb",
        "state_session_capacity": MAX_SESSIONS,
        "ssr_mode": False,
        "ssl_verify": False,  # there is nothing to verify, and reading the certificates for it takes time
    }


def build_app(
    pipeline: MaskGANPipeline | Serving,
    examples: Examples | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    hosted: bool = False,
    lab: Lab | None = None,
) -> gr.Blocks:
    """The whole page around a pipeline, or around one that follows a folder of weights.

    max_pixels: larger uploads are refused before they are decoded; hosted: visitors use it over a network, which the
    header then says in place of "nothing leaves this computer"; lab: what trains, for a tab of its own.
    """
    serving = Serving.of(pipeline)
    examples = examples or Examples(serving)
    page = Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=(TIME_TO_LIVE // 4, TIME_TO_LIVE))
    with asking_once(), page as app:
        header = gr.HTML(_HEADER.format(title=TITLE, privacy=(_HOSTED if hosted else _LOCAL) + _KEPT))
        announcer = Announcer(examples.titles())
        keeper = Keeper()
        news = WeightsNews(serving)
        with gr.Tabs() as tabs:
            with gr.Tab(PaintTab.TITLE, id=PaintTab.ID):
                paint = PaintTab(serving, examples, max_pixels, keeper, announcer)
            connections = []
            for kind in MORE_TABS:
                with gr.Tab(kind.TITLE, id=kind.ID) as tab:
                    connections.append((kind(serving, examples, max_pixels, announcer).connect, tab))
            if lab is not None:
                with gr.Tab("Lab", id="lab"):
                    LabTab(lab, serving).look_while_open(tabs)
        for connect, tab in connections:
            connect(tab, paint, tabs)
        if serving.folder is not None or lab is not None:
            news.follow(paint.session)
        paint.start_with(app)
        Api(serving, max_pixels)
        if not hosted:
            app.load(_where_photos_go, None, header, **UNQUEUED)
    take_turns(app, serving.current())
    return app


def _where_photos_go(request: gr.Request) -> Any:
    """A proxy may serve the page elsewhere without the app having been told."""
    if is_from_here({name.lower(): value for name, value in request.headers.items()}):
        return gr.skip()
    return _HEADER.format(title=TITLE, privacy=_HOSTED + _KEPT)
