"""Our own inference networks: AudioLDM 2's, and pocket's vocoder, in plain torch.

The stock classes take seconds to import. These have the same weights under the same names, are
called with the same argument names, and answer with the same attributes, so whatever a
configuration asks that ours do not do falls to the stock class with nothing else changed.
Each is built by `configured`, which raises UnsupportedError, and holds no state of its calls.
"""
