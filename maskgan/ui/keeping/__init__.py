"""What a browser keeps of a visit, so that a reload, a lost connection or another run of the server lose nothing.

`motions.py` and `packing.py` turn a `Session` into files and a small list of them, and back; `keeper.py` with its
script puts both into the browser's own database and brings them back when the page is loaded again.
"""
