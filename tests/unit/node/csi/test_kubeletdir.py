"""Drivers packed for kubelet find the main instance's directory in kubelet's place."""

from __future__ import annotations

import pytest

from knarr.node.volumes.csi import kubeletdir


@pytest.fixture
def places(tmp_path):
    """The main instance's directory and the place of kubelet's."""
    main = tmp_path / "knarr"
    (main / "pods").mkdir(parents=True)
    return main, tmp_path / "kubelet"


def test_the_main_instance_takes_the_place(places):
    """Nothing is there: a link is made, drivers are told paths through it, and it goes with the instance."""
    main, link = places
    kubeletdir.claim(main, link=link, main=main)
    kubeletdir.claim(main, link=link, main=main)

    assert (link / "pods").is_dir()
    assert f"{link}/pods/u/v" == kubeletdir.shown(f"{main}/pods/u/v", main, link=link)
    assert "" == kubeletdir.shown("", main, link=link)
    kubeletdir.give_up(main, link=link)
    assert not link.exists()


def test_others_things_are_left_alone(places, tmp_path):
    """Another instance makes no link, and a kubelet's directory stays what it is."""
    main, link = places
    other = tmp_path / "other"
    kubeletdir.claim(other, link=link, main=main)
    assert not link.exists()

    link.mkdir()
    kubeletdir.claim(main, link=link, main=main)
    kubeletdir.give_up(main, link=link)

    assert not link.is_symlink()
    assert f"{main}/pods" == kubeletdir.shown(f"{main}/pods", main, link=link)
