"""The networks as ONNX files: `export` writes them (with torch), `engine` edits with them (without torch)."""
