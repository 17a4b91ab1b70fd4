"""Operations of neural networks: each one a function of arrays, as `funcnet.nn.functional` shows them."""
