"""What an agent believes the whole image looks like."""
