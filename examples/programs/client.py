"""Paint a hat with the app's endpoints: python client.py URL PHOTO OUT."""

import shutil
import sys

from gradio_client import Client, handle_file
from PIL import Image

url, photo, out = sys.argv[1:]
client = Client(url, verbose=False)  # http://127.0.0.1:7860 when the app runs on this computer

faces = client.predict(handle_file(photo), api_name="/detect")  # [{"face": 0, "box": [x, y, width, height], ...}, ...]
path = client.predict(handle_file(photo), api_name="/parse")  # the largest face's mask, a PNG of class ids

mask = Image.open(path)
mask.paste(14, (64, 0, 192, 60))  # class 14 is the hat
mask.save("painted.png")

result = client.predict(handle_file(photo), handle_file("painted.png"), api_name="/edit")
shutil.copy(result, out)
between = client.predict(handle_file(path), handle_file("painted.png"), [0.25, 0.5, 0.75], api_name="/interpolate")
print(len(faces), "face, and", len(between), "masks on the way")
