"""MaskGAN Studio in the browser: `python app.py`, then open the address that it prints."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before anything imports gradio


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description="Edit faces by painting on their masks, in the browser.")
    on_a_space = "SPACE_ID" in os.environ
    parser.add_argument("--host", default="0.0.0.0" if on_a_space else "127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    parser.add_argument("--share", action="store_true", help="make a public link through Gradio's tunnel")
    parser.add_argument("--weights", type=Path, help="folder of other weights than the bundled ones")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best that is there)")
    parser.add_argument("--max-pixels", type=int, default=64_000_000, help="largest photo taken, in pixels")
    parser.add_argument("--auth", metavar="USER:PASSWORD", type=_account, help="ask visitors for this account")
    return parser


def _account(text: str) -> tuple[str, str]:
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise argparse.ArgumentTypeError("write it as user:password")
    return user, password


def main(arguments: list[str] | None = None) -> None:
    """Load the weights and serve the page until interrupted."""
    options = build_parser().parse_args(arguments)
    # Imported here, so that --help and a wrong option answer at once.
    from maskgan.pipeline import MaskGANPipeline
    from maskgan.ui.app import build_app, launch_options
    from maskgan.ui.examples import Examples

    try:
        pipeline = MaskGANPipeline.bundled(options.weights, options.device)
    except FileNotFoundError as problem:
        raise SystemExit(str(problem)) from problem
    examples = Examples(pipeline)
    hosted = options.share or options.host not in ("127.0.0.1", "localhost", "::1")
    app = build_app(pipeline, examples, max_pixels=options.max_pixels, hosted=hosted)
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
    app.block_thread()


if __name__ == "__main__":
    main()
