"""Workers of a real Ray cluster on this machine, some of which are killed."""

import os
import signal
import sys
from collections.abc import Iterator

import psutil
import pytest

from kpplugins.inference.bulk.ray_pool import RayPool
from kpplugins.structures import BadInputError, MachineError
from tests.inference.bulk import cheap_model
from tests.inference.bulk.cheap_model import CheapModel


@pytest.fixture(scope="module")
def ray() -> Iterator[object]:
    """A cluster of three processors; the cheap model goes to its workers by value, as tests are not installed there."""
    ray = pytest.importorskip("ray", reason="ray, of the extra `ray`, is not installed")
    ray.cloudpickle.register_pickle_by_value(cheap_model)
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


def names(count: int) -> list[str]:
    return [f"{i:04d}.jpg" for i in range(count)]


def workers() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [
        p for p in children if p.status() != psutil.STATUS_ZOMBIE and "_RayWorker" in " ".join(p.cmdline())
    ]


def test_results_come_in_order_from_several_processes_one_of_which_is_killed(ray):
    model = CheapModel(seconds=0.01)
    pool = RayPool(model, model.identity(), workers=3, batch_size=8)
    outcomes, killed = [], []
    for outcome in pool(iter([*names(400), "bad.jpg"])):
        outcomes.append(outcome)
        if len(outcomes) in (80, 200):
            killed.append(workers()[0].pid)
            os.kill(killed[-1], signal.SIGKILL)
    assert [one.source for one in outcomes] == [*names(400), "bad.jpg"]
    assert [one.source for one in outcomes if one.fault] == ["bad.jpg"]
    assert len(set(killed)) == 2 and not set(killed) & {p.pid for p in workers()}


def test_an_image_that_workers_die_of_is_bad_and_the_others_are_not(ray):
    model = CheapModel()
    pool = RayPool(model, model.identity(), workers=2, batch_size=4)
    outcomes = list(pool([*names(6), "poison.jpg", *names(9)[6:]]))
    assert [one.source for one in outcomes] == [*names(6), "poison.jpg", *names(9)[6:]]
    assert [one.fault for one in outcomes if one.fault] == ["poison.jpg: 2 workers died of it"]


def test_another_model_on_a_machine_is_one_line(ray):
    with pytest.raises(BadInputError, match="another model on a machine of the Ray cluster"):
        list(RayPool(CheapModel(), {"checksum": "other"}, workers=1)(names(3)))


def test_more_workers_than_there_is_room_for(ray):
    model = CheapModel()
    assert len(list(RayPool(model, model.identity(), workers=5, batch_size=2)(names(20)))) == 20


def test_nothing_to_do(ray):
    assert list(RayPool(CheapModel(), CheapModel().identity(), workers=1)([])) == []


def test_without_ray_the_line_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MachineError, match=r"package ray is not installed.*kpplugins\[ray\]"):
        RayPool(CheapModel(), {})
