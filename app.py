"""MaskGAN Studio in the browser: `python app.py`, then open the address that it prints."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maskgan.hot_reload import Serving

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before anything imports gradio


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description="Edit faces by painting on their masks, in the browser.")
    on_a_space = "SPACE_ID" in os.environ
    parser.add_argument("--host", default="0.0.0.0" if on_a_space else "127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    parser.add_argument("--share", action="store_true", help="make a public link through Gradio's tunnel")
    parser.add_argument("--weights", type=Path, help="other weights than the bundled ones: a pipeline folder, or a run")
    parser.add_argument("--watch", action="store_true", help="follow --weights also where no run publishes yet")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best that is there)")
    parser.add_argument("--max-pixels", type=int, default=64_000_000, help="largest photo taken, in pixels")
    parser.add_argument("--auth", metavar="USER:PASSWORD", type=_account, help="ask visitors for this account")
    return parser


def _account(text: str) -> tuple[str, str]:
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise argparse.ArgumentTypeError("write it as user:password")
    return user, password


def serving_of(weights: Path | None, watch: bool, device: str | None) -> Serving:
    """The networks to serve, and what to follow: weights that a run publishes always, others with `watch`.

    A folder that is followed may hold nothing sound yet: the bundled weights serve until it does.
    """
    from maskgan.checkpoints import WeightsRefused, load_checked
    from maskgan.hot_reload import Serving
    from maskgan.pipeline import MaskGANPipeline
    from maskgan.snapshots import is_weights_folder, newest_snapshot

    if weights is None:
        if watch:
            raise SystemExit("--watch needs a folder to follow; give it with --weights.")
        return Serving(MaskGANPipeline.bundled(None, device))
    followed = weights if watch or is_weights_folder(weights) else None
    try:
        pipeline = load_checked(newest_snapshot(weights), device)
    except (FileNotFoundError, WeightsRefused) as problem:
        if followed is None:
            raise SystemExit(str(problem)) from problem
        print(f"{problem} The bundled weights serve until then.")
        pipeline = MaskGANPipeline.bundled(None, device)
    return Serving(pipeline, followed)


def main(arguments: list[str] | None = None) -> None:
    """Load the weights and serve the page until interrupted."""
    options = build_parser().parse_args(arguments)
    # Imported here, so that --help and a wrong option answer at once.
    from maskgan.ui.app import build_app, launch_options
    from maskgan.ui.examples import Examples

    serving = serving_of(options.weights, options.watch, options.device)
    examples = Examples(serving)
    hosted = options.share or options.host not in ("127.0.0.1", "localhost", "::1")
    app = build_app(serving, examples, max_pixels=options.max_pixels, hosted=hosted)
    app.launch(
        server_name=options.host,
        server_port=options.port,
        share=options.share,
        auth=options.auth,
        prevent_thread_lock=True,
        **launch_options(),
    )
    # Not before: Gradio writes environment variables while it starts, and networks that read them in another thread
    # at that moment crash the process.
    examples.prepare_in_background()
    if serving.folder is not None:
        serving.start()
    app.block_thread()


if __name__ == "__main__":
    main()
