"""Classical image codecs: Pillow, JPEG XL, and the video encoders of ffmpeg as stills."""
