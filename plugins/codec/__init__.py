"""The codec family: images through bytes and back."""
