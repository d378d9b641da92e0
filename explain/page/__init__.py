"""A page on which one watches an agent look: one HTML file in which a saved agent runs in the browser."""
