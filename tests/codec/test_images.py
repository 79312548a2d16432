"""The rule by which image files become arrays, and the PNG artifact."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from harness.spec import Item
from harness_plugins.codec.artifacts import Png, thumbnail
from harness_plugins.codec.images import load, read_image

RNG = np.random.default_rng(1)
RGB = RNG.integers(0, 256, (9, 7, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (9, 7, 3), dtype=np.uint16)


def written(mode: str = "RGB", kind: str = "PNG", **options) -> bytes:
    buffer = BytesIO()
    Image.fromarray(RGB).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def deep(suffix: str, image: np.ndarray) -> bytes:
    cv2 = pytest.importorskip("cv2")
    return cv2.imencode(suffix, image)[1].tobytes()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_rgb_as_it_is(kind):
    assert np.array_equal(read_image(written(kind=kind)), RGB)


def test_lossless_webp_and_jpeg():
    assert np.array_equal(read_image(written(kind="WEBP", lossless=True)), RGB)
    assert read_image(written(kind="JPEG")).shape == RGB.shape


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_grey_is_replicated(kind):
    grey = np.asarray(Image.fromarray(RGB).convert("L"))
    assert np.array_equal(read_image(written("L", kind)), np.stack([grey] * 3, axis=-1))


def test_bilevel_is_black_and_white():
    found = read_image(written("1"))
    assert set(np.unique(found)) <= {0, 255}
    assert np.array_equal(found[..., 0], found[..., 2])


def test_palette_becomes_its_colours():
    image = Image.fromarray(RGB).convert("P")
    assert np.array_equal(read_image(written("P")), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_refused(mode):
    with pytest.raises(ValueError, match="it has an alpha channel: remove it"):
        read_image(written(mode))


def test_transparent_colours_are_refused():
    for data in (written("P", transparency=0), written("RGB", transparency=(1, 2, 3))):
        with pytest.raises(ValueError, match="alpha channel"):
            read_image(data)


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".ppm"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_are_refused(suffix, channels):
    image = DEEP if channels == 3 else DEEP[..., 0]
    suffix = ".pgm" if (suffix, channels) == (".ppm", 1) else suffix
    with pytest.raises(ValueError, match="more than 8 bits per sample: convert it"):
        read_image(deep(suffix, image))


def test_five_six_five_bits_are_no_sixteen():
    head = b"BM" + (70 + 8).to_bytes(4, "little") + bytes(4) + (70).to_bytes(4, "little")
    info = (56).to_bytes(4, "little") + (2).to_bytes(4, "little") + (2).to_bytes(4, "little")
    info += (1).to_bytes(2, "little") + (16).to_bytes(2, "little") + (3).to_bytes(4, "little")
    info += (8).to_bytes(4, "little") + bytes(16)
    masks = b"".join(m.to_bytes(4, "little") for m in (0xF800, 0x07E0, 0x001F, 0))
    data = head + info + masks + b"\xff\xff\x00\x00" * 2
    assert read_image(data).tolist() == [[[255] * 3, [0] * 3]] * 2


@pytest.mark.parametrize(("mode", "kind"), [("CMYK", "JPEG"), ("CMYK", "TIFF"), ("LAB", "TIFF")])
def test_other_colour_spaces_are_refused(mode, kind):
    from PIL import ImageCms

    image = Image.fromarray(RGB)
    if mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(
            image, ImageCms.createProfile("sRGB"), lab, outputMode="LAB"
        )
    buffer = BytesIO()
    image.convert(mode).save(buffer, kind)
    with pytest.raises(ValueError, match=f"it is {mode}: convert it to sRGB"):
        read_image(buffer.getvalue())


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP"])
def test_several_images_are_refused(kind):
    more = [Image.fromarray(255 - RGB)]
    with pytest.raises(ValueError, match="it holds 2 images"):
        read_image(written(kind=kind, save_all=True, append_images=more))


@pytest.mark.parametrize("data", [b"", b"text", b"GIF89a", b"\x89PNG\r\n\x1a\n"])
def test_no_image(data):
    with pytest.raises(ValueError, match=r"^it is (no image of|truncated)") as raised:
        read_image(data)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "PPM", "WEBP"])
@settings(max_examples=40, deadline=None)
@given(share=st.floats(0.0, 0.9))
def test_truncated_is_one_line(kind, share):
    image = Image.fromarray(np.kron(RGB, np.ones((8, 8, 1), np.uint8)))
    buffer = BytesIO()
    image.save(buffer, kind)
    data = buffer.getvalue()
    with pytest.raises(ValueError, match=r"\Ait is (truncated|no image).*\Z"):  # . is no newline
        read_image(data[: int(share * len(data))])


def test_profiles_and_orientation_leave_the_samples_alone():
    from PIL import ImageCms

    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    assert np.array_equal(read_image(written(icc_profile=profile, exif=exif)), RGB)


def test_load_names_the_item():
    assert np.array_equal(load(Item("a", ""), written()), RGB)
    with pytest.raises(ValueError, match=r"^a: it is no image"):
        load(Item("a", ""), b"text")
    with pytest.raises(ValueError, match=r"^a: its file was not read"):
        load(Item("a", ""), None)


@settings(deadline=None)
@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_png_is_lossless(image):
    data = Png.dump(image)
    assert data.startswith(b"\x89PNG")
    assert np.array_equal(Png.load(data), image)
    assert np.array_equal(read_image(data), image)  # by another decoder: R, G, B in order


@pytest.mark.parametrize("data", [b"x", b"\x89PNG\r\n\x1a\n"])
def test_no_png(data):
    with pytest.raises(ValueError, match="no PNG"):
        Png.load(data)


@pytest.mark.parametrize(
    ("shape", "side", "size"),
    [
        ((40, 80), 20, (20, 10)),
        ((80, 40), 20, (10, 20)),
        ((9, 7), 20, (7, 9)),
        ((1, 1), 8, (1, 1)),
    ],
)
def test_thumbnail(shape, side, size):
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.stack([y * 2, x * 2, y + x], axis=-1).astype(np.uint8)
    with Image.open(BytesIO(thumbnail(Png.dump(image), side))) as small:
        assert (small.format, small.size) == ("WEBP", size)
        means = np.asarray(small.convert("RGB")).mean(axis=(0, 1))
    assert np.abs(means - image.mean(axis=(0, 1))).max() < 4  # same picture, in RGB order


def test_thumbnail_of_no_image():
    with pytest.raises(ValueError, match="no image"):
        thumbnail(b"x", 10)
