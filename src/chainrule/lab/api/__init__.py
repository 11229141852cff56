"""What the lab is asked and answers. It knows no server, and starts no thread."""
