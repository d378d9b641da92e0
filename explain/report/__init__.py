"""An explanation on paper: figures, tables, and one page with all of it."""
