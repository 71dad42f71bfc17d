"""Where pixels come from and input goes to."""
