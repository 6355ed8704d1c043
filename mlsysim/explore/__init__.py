"""Questions about a whole design space: sweeps, optima, trade-offs and sensitivities.

All of it works on anything that declares choices and evaluates them. The methods of a simulation
(`sweep`, `optimize`, `pareto`, `sensitivity`) are the way in.
"""
