"""The colours of all pictures: light text on a dark page, and Okabe and Ito's palette for what must be told apart.

The palette can be told apart with every kind of colour blindness (Okabe and Ito, "Color Universal Design", 2008).
"""

PAGE = "#161b22"
BLACK = "#000000"
TRACK = "#262d37"
FAINT = "#57606d"
MUTED = "#9aa4b2"
TEXT = "#f0f3f6"

ORANGE = "#e69f00"
SKY_BLUE = "#56b4e9"
GREEN = "#009e73"
VERMILLION = "#d55e00"
