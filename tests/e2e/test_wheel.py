"""A built wheel, installed away from the source tree, has its shaders and data and runs."""

import subprocess
import sys
import zipfile

from PIL import Image
from tests.e2e.conftest import REPOSITORY


def test_an_installed_wheel_renders_a_sample(isoloss_command, tmp_path):
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)]
    done = subprocess.run(build, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    where = subprocess.run(
        [sys.executable, "-c", "import isoloss; print(isoloss.__file__)"],
        cwd=tmp_path, env={"PYTHONPATH": str(site)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(site))
    assert wheel.stat().st_size <= 45_000_000
    assert (site / "isoloss" / "data" / "gallery" / "stories.json").is_file()
    samples = sorted((site / "isoloss" / "data" / "surfaces").glob("*.ply"))
    assert samples
    isoloss_command(
        "render", samples[0], "--out", "x.png", "--size", "320x200",
        env={"PYTHONPATH": str(site)}, check=0,
    )  # fmt: skip
    isoloss_command("export", samples[0], "--out", "x.html", env={"PYTHONPATH": str(site)}, check=0)
    assert "gl_Position" not in (page := (tmp_path / "x.html").read_text())  # it is packed
    assert page.startswith("<!doctype html>")
    with Image.open(tmp_path / "x.png") as picture:
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 500
