"""Special functions, by family. `funcnet.xp.special` has all of them."""

__all__: list[str] = []
