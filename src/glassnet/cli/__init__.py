"""The command ``glassnet``: train, predict, evaluate, summary, trace."""
