"""Google Scanned Objects, read from small renderings in their published form."""

from __future__ import annotations

import os

import numpy as np
import pytest

from harness.spec import Unavailable
from harness_plugins.generative.datasets import scanned_objects

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("harness_plugins.generative.views.cameras")

# From the authors' meta_info/camera-16.pkl: world to camera of pictures 0, 4 and 10, and K
PUBLISHED = {
    0: [[0, 1, 0, 0], [0.5, 0, -0.8660254, 0], [-0.8660254, 0, -0.5, 1.5]],
    4: [[-1, 0, 0, 0], [0, 0.5, -0.8660254, 0], [0, -0.8660254, -0.5, 1.5]],
}
K = [[280, 0, 128], [0, 280, 128], [0, 0, 1]]


def render(path, colour, alpha=255, size=256, mode="RGBA"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (size, size), (*colour, alpha)[: len(mode)]).save(path, "PNG")
    os.utime(path, (1_700_000_000, 1_700_000_000))


def make(root, name):
    for view in range(16):
        render(root / name / f"{view:03}.png", (view, 100, 200))
        render(root / name / f"{view:03}-depth.png", (0, 0, 0))


@pytest.fixture
def teapot(data):
    root = data / "google_scanned_objects"
    make(root, "teapot")
    return root


def load(root=""):
    (item,) = scanned_objects.index(str(root), ["teapot"])
    return scanned_objects.load(item, None)


def test_pictures_come_with_the_input_first_then_behind_and_the_sides(teapot):
    found = load()
    assert found["images"].shape == (16, 256, 256, 3)
    views = found["images"][:, 0, 0, 0].tolist()
    assert views == [0, 8, 4, 12, 1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15]


def test_cameras_are_those_that_the_authors_publish(teapot):
    found = load()
    assert np.array_equal(found["intrinsics"], K)
    assert (found["poses"].shape, found["poses"].dtype) == ((16, 4, 4), np.float64)
    for place, view in ((0, 0), (2, 4)):
        inverse = np.linalg.inv(found["poses"][place])
        assert np.abs(inverse[:3] - PUBLISHED[view]).max() < 1e-6
    for pose in found["poses"]:
        assert np.abs(pose[:3, :3].T @ pose[:3, :3] - np.eye(3)).max() < 1e-12
        assert np.linalg.norm(pose[:3, 3]) == pytest.approx(1.5)
        # the middle of the object falls on the middle of the picture
        x, y, depth = found["intrinsics"] @ (np.linalg.inv(pose) @ [0, 0, 0, 1])[:3]
        assert (x / depth, y / depth) == pytest.approx((128, 128))


def test_an_item_is_what_the_task_takes(teapot):
    scenes = pytest.importorskip("harness_plugins.generative.views.scenes")
    found = scenes.Scenes.of(load())
    assert found.images.shape == (1, 16, 256, 256, 3)


@pytest.mark.parametrize(
    ("alpha", "colour"), [(255, (10, 20, 30)), (0, (255,) * 3), (128, (132, 137, 142))]
)
def test_transparency_shows_white(teapot, alpha, colour):
    render(teapot / "teapot" / "000.png", (10, 20, 30), alpha)
    assert tuple(load()["images"][0, 5, 5]) == colour  # of 255 − (255 − c) α, rounded


def test_the_published_objects_are_all_asked_for(teapot):
    assert len(set(scanned_objects.OBJECTS)) == 30
    with pytest.raises(ValueError, match="has no object 'alarm'"):
        scanned_objects.index("", [])
    with pytest.raises(ValueError, match=r"has no object 'teapo' \(did you mean 'teapot'\?\)"):
        scanned_objects.index("", ["teapo"])
    for name in scanned_objects.OBJECTS:
        (teapot / name).mkdir(exist_ok=True)
        for view in range(16):
            target = teapot / name / f"{view:03}.png"
            if not target.exists():
                target.hardlink_to(teapot / "teapot" / f"{view:03}.png")
    items = scanned_objects.index("", [])
    assert [item.id for item in items] == list(scanned_objects.OBJECTS)


def test_a_digest_is_of_the_pictures_wherever_they_lie(teapot, tmp_path):
    (item,) = scanned_objects.index("", ["teapot"])
    moved = teapot.rename(tmp_path / "moved")
    assert scanned_objects.index(str(moved), ["teapot"])[0].sha256 == item.sha256
    render(moved / "teapot" / "007.png", (1, 1, 1))
    assert scanned_objects.index(str(moved), ["teapot"])[0].sha256 != item.sha256


def test_faults_are_one_line(teapot):
    (item,) = scanned_objects.index("", ["teapot"])
    render(teapot / "teapot" / "007.png", (1, 1, 1))
    os.utime(teapot / "teapot" / "007.png", (1, 1))
    with pytest.raises(ValueError, match=r"007\.png was changed"):
        scanned_objects.load(item, None)
    render(teapot / "teapot" / "007.png", (1, 1, 1), size=64)
    with pytest.raises(ValueError, match=r"007\.png is damaged .*expected RGBA of 256 x 256"):
        load()
    render(teapot / "teapot" / "007.png", (1, 1, 1), mode="RGB")
    with pytest.raises(ValueError, match="RGB of"):
        load()
    (teapot / "teapot" / "007.png").unlink()
    with pytest.raises(ValueError, match=r"007\.png is missing"):
        load()


def test_what_is_not_here_says_how_to_get_it():
    with pytest.raises(Unavailable, match="google_scanned_objects is not on this machine") as told:
        scanned_objects.index("", [])
    assert "liuyuan-pal/SyncDreamer" in told.value.remedy
    assert "params {folder: DIRECTORY}" in told.value.remedy
