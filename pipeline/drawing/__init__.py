"""A verdict becomes pictures: Pillow draws."""
