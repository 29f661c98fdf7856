"""A route that no journey sends is refused before anything runs; where that is not known from the source, nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.drivers.load import load_traffic
from harness.drivers.load.routes import sent_routes
from harness.errors import ConfigurationError

SIZE = """
locustfile: shop.py
rate: 10/s
journey: 1 s
requests_per_journey: 1
warm_up: 1 s
for: 10 s
routes: {home: 50 %, orders: 50 %}
"""
HEAD = "from harness.locust import Journey, OpenLoopUser\n"
USER = "class Visitor(OpenLoopUser):\n    def journey(self, journey: Journey) -> None:\n        "


def project(root: Path, **files: str) -> list[Path]:
    """A directory of loadtests; `package` goes before the name of a module in `parts/`."""
    (root / "shop.yaml").write_text(SIZE, encoding="utf-8")
    (root / "parts").mkdir()
    (root / "parts" / "__init__.py").touch()
    for name, text in files.items():
        path = root / f"{name.replace('parts_', 'parts/')}.py"
        path.write_text(text, encoding="utf-8")
    return [root]


def test_a_route_that_no_journey_sends_is_refused_with_its_line(tmp_path: Path) -> None:
    """With the nearest name of a request."""
    paths = project(
        tmp_path,
        shop=f'{HEAD}{USER}journey.get("/", name="home")\n        journey.post("/o", name="order")\n',
    )
    with pytest.raises(ConfigurationError) as raised:
        load_traffic("shop", paths)
    assert str(raised.value) == (
        f"{tmp_path}/shop.yaml:8: routes.orders: no journey of shop.py sends the route `orders`\n"
        "  hint: did you mean `order`?"
    )


def test_a_route_may_be_named_with_its_method(tmp_path: Path) -> None:
    """As each method of one name is a route."""
    paths = project(
        tmp_path, shop=f'{HEAD}{USER}journey.get("/", name="home")\n        journey.post("/o", name="orders")\n'
    )
    (tmp_path / "shop.yaml").write_text(SIZE.replace("orders:", "POST orders:"), encoding="utf-8")
    assert load_traffic("shop", paths).routes == {"home": 0.5, "POST orders": 0.5}


def test_the_modules_beside_it_send_too(tmp_path: Path) -> None:
    """Packages, relative imports and modules of a package."""
    project(
        tmp_path,
        shop=f"from parts.orders import Buyer\nfrom parts import home\n{HEAD}class Visitor(Buyer):\n    pass\n",
        parts_home=f'{HEAD}{USER}journey.get("/", name="home")\n',
        parts_orders='from .sending import send\nname = {}.get("x")\n',
        parts_sending='def send(journey):\n    journey.request("PUT", "/o", name="orders")\n',
    )
    assert sent_routes(tmp_path / "shop.py") == frozenset({"home", "orders"})
    assert load_traffic("shop", [tmp_path]).routes == {"home": 0.5, "orders": 0.5}


@pytest.mark.parametrize(
    "text",
    [
        f'{HEAD}{USER}journey.get("/", name="ho" + "me")\n',
        f'{HEAD}{USER}journey.get("/", **words)\n',
        "from locust import HttpUser, task\nclass Visitor(HttpUser):\n    @task\n    def one(self):\n        self.client.get('/')\n",
        "import locust\nclass Visitor(locust.FastHttpUser):\n    pass\n",
        "from pytest import fixture as journeys\nclass Visitor(journeys):\n    pass\n",
    ],
)
def test_names_that_are_made_while_it_runs_are_not_known(tmp_path: Path, text: str) -> None:
    """So nothing is refused: put together, of stock Locust, of a package."""
    project(tmp_path, shop=text)
    assert sent_routes(tmp_path / "shop.py") is None


def test_a_module_beside_it_that_is_not_python_is_named(tmp_path: Path) -> None:
    """With its own line, before the load's process would find it."""
    paths = project(tmp_path, shop=f"import other\n{HEAD}{USER}pass\n", other="def broken(:\n    pass\n")
    with pytest.raises(ConfigurationError, match=r"other.py:1: the file is not valid Python"):
        load_traffic("shop", paths)
