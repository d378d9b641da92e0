"""Image data: data sets, canvases, and which episode comes next."""
