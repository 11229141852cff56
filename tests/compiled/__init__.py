"""The compiled engine.

The second answer is network.py in float64, descent.py to the bit, or the engine of NumPy.
"""
