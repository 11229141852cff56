"""A zoo of wrong derivatives and training steps, each a small change to the right program."""
