"""The page in a real browser: drawn on, stepped through, dragged, and compared with Python."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from explain import RecurrentAgent, write_page
from explain.page.examples import choose_examples
from tests.explain.page.conftest import CLASS_NAMES

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")

CHROMIUM = shutil.which("chromium")
NUM_GLIMPSES = 6


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs chromium, in which the page is opened")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Any]:
    """Opens a page; fails at the end if it said anything on the console, or asked for anything but its own worker."""
    said: list[str] = []
    opened: list[Any] = []

    def open_one(path: Path, link: str = "", script: str = "", **options: Any) -> Any:
        page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}} | options)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if not is_own(request.url, path) else None)
        if script:
            page.add_init_script(script)
        page.goto(path.as_uri() + link)
        opened.append(page)
        return page

    yield open_one
    for page in opened:
        page.close()
    assert said == []


def is_own(url: str, path: Path) -> bool:
    return url.partition("#")[0] == path.as_uri() or url.startswith("blob:null/")


def shown_beliefs(page: Any) -> torch.Tensor:
    """The bars as they are on the screen."""
    widths = page.eval_on_selector_all("#belief-bars .fill", "all => all.map(one => parseFloat(one.style.width))")
    return torch.tensor(widths) / 100


def shown_canvas(page: Any, name: str) -> torch.Tensor:
    """The pixels of a canvas element, in grey, `(height, width)`."""
    code = """canvas => {
        const { width, height } = canvas;
        const copy = new OffscreenCanvas(width, height).getContext("2d");
        copy.drawImage(canvas, 0, 0);
        const { data } = copy.getImageData(0, 0, width, height);
        return { width, height, grey: Array.from({ length: width * height }, (_, at) => data[4 * at]) };
    }"""
    pixels = page.eval_on_selector(name, code)
    return torch.tensor(pixels["grey"], dtype=torch.uint8).view(pixels["height"], pixels["width"])


def python_beliefs(page: dict[str, Any], canvas: torch.Tensor, locations: list[Any]) -> torch.Tensor:
    """What the agent believes of a canvas `(H, W)` in Python after glimpses at these locations."""
    agent, retina = RecurrentAgent(page["agent"]), page["recording"].retina
    tables, state = retina.pool(canvas[None, None]), None
    for location in torch.tensor(locations, dtype=torch.float32):
        seen = {"glimpse": retina.glimpses(tables, location[None]).numpy(), "location": location[None].numpy()}
        actions, state = agent.predict(seen, state, deterministic=True)
    return agent.beliefs(actions)[0]


def link_of(page: Any) -> dict[str, str]:
    page.click("#copy-link")
    sync_api.expect(page.locator("#link")).not_to_be_empty()
    link = page.input_value("#link").partition("#")[2]
    return dict(part.split("=") for part in link.split("&"))


def wait_for_map(page: Any) -> None:
    sync_api.expect(page.locator("#map-words")).to_contain_text("nats")


def draw(page: Any, *strokes: list[tuple[float, float]]) -> None:
    box = page.locator("#picture-frame").bounding_box()
    for (x, y), *rest in strokes:
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.mouse.down()
        for x, y in rest:
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        page.mouse.up()


SEVEN = [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]


def test_examples_are_shown_as_python_has_it(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    recording = digits_page["recording"]
    chosen = choose_examples(recording)
    buttons = page.locator(".example")
    assert buttons.count() == len(chosen) > 3
    for at in range(0, len(chosen), 3):
        name = buttons.nth(at).get_attribute("aria-label")
        image = chosen[int(name.split(":")[0].removeprefix("Example ")) - 1]
        buttons.nth(at).click()
        for glimpse in range(NUM_GLIMPSES):
            beliefs = recording.beliefs[image, glimpse]
            torch.testing.assert_close(shown_beliefs(page), beliefs, atol=1e-2, rtol=0)
            assert CLASS_NAMES[int(beliefs.argmax())] in page.text_content("#belief-words")
            if glimpse < NUM_GLIMPSES - 1:
                page.click("#next")
        assert page.is_disabled("#next")
        assert torch.equal(shown_canvas(page, "#picture-canvas"), recording.canvases[image, 0])


def test_a_drawing_is_looked_at_as_in_python(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    page.click("#clear")
    assert "nothing to look at" in page.text_content("#belief-words")
    assert page.is_visible("#picture-empty")
    draw(page, SEVEN)
    beliefs = shown_beliefs(page)
    canvas = shown_canvas(page, "#picture-canvas")
    assert canvas.float().mean() > 10
    places = page.eval_on_selector_all(".handle", "all => all.map(one => one.getAttribute('aria-label'))")
    assert len(places) == NUM_GLIMPSES
    page.select_option("#label", "7")
    assert "It is 7" in page.text_content("#belief-words") or "right" in page.text_content("#belief-words")

    # The same drawing and path from a link, in another tab.
    link = page.evaluate("location.hash") or "#" + "&".join("=".join(part) for part in link_of(page).items())
    other = open_page(digits_page["path"], link)
    torch.testing.assert_close(shown_beliefs(other), beliefs)
    assert torch.equal(shown_canvas(other, "#picture-canvas"), canvas)
    assert other.input_value("#label") == "7"


def test_a_dragged_glimpse_changes_what_follows_as_in_python(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    page.focus("#glimpse")
    page.keyboard.press("End")
    own = shown_beliefs(page)
    handle = page.locator(".handle").nth(1)
    box, frame = handle.bounding_box(), page.locator("#gaze-frame").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(frame["x"] + 0.8 * frame["width"], frame["y"] + 0.85 * frame["height"], steps=5)
    page.mouse.up()
    assert page.is_visible("#what-if")
    assert "you moved glimpse 2" in page.text_content("#what-if-text")

    path = [float(number) for number in link_of(page)["path"].split("_")]
    locations = list(zip(path[::2], path[1::2], strict=True))
    assert len(locations) == 2
    assert locations[1] == pytest.approx((0.6, 0.7), abs=0.05)
    canvas = shown_canvas(page, "#picture-canvas")
    expected = python_beliefs(digits_page, canvas, locations)
    torch.testing.assert_close(shown_beliefs(page), expected, atol=1e-2, rtol=0)

    # By keyboard: one pixel to the left, and all the way back.
    handle.focus()
    page.keyboard.press("ArrowLeft")
    moved = [float(number) for number in link_of(page)["path"].split("_")]
    assert moved[2] == pytest.approx(path[2] - 2 / 28, abs=1e-3)
    page.click("#what-if-reset")
    page.focus("#glimpse")
    page.keyboard.press("End")
    assert not page.is_visible("#what-if")
    torch.testing.assert_close(shown_beliefs(page), own)


def drag(page: Any, glimpse: int, x: float, y: float) -> None:
    """Drags the middle of a glimpse's number to a place of the canvas, both in [0, 1]."""
    box = page.locator(".handle").nth(glimpse - 1).bounding_box()
    frame = page.locator("#gaze-frame").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"], steps=5)
    page.mouse.up()


def test_the_nearest_of_two_glimpses_on_top_of_each_other_is_dragged(
    open_page: Any, digits_page: dict[str, Any]
) -> None:
    link = "#example=0&seed=1&path=0_0_0.06_0&driver=learned&control=trained&glimpse=5"
    for glimpse in (1, 2):
        page = open_page(digits_page["path"], link)
        drag(page, glimpse, 0.2, 0.2)
        assert page.evaluate("document.activeElement.textContent") == str(glimpse)
        assert len(link_of(page)["path"].split("_")) == 2 * glimpse, "the path ends with the glimpse that was moved"


def test_a_click_on_a_glimpse_moves_nothing(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    page.focus("#glimpse")
    page.keyboard.press("End")
    page.locator(".handle").nth(1).click()
    assert page.text_content("#glimpse-words") == f"Glimpse 2 of {NUM_GLIMPSES}"
    assert not page.is_visible("#what-if")


def test_playing_goes_on_until_the_reader_does_something(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    words = page.locator("#glimpse-words")
    page.click("#play")
    assert page.text_content("#play") == "Stop"
    sync_api.expect(words).to_have_text(f"Glimpse 3 of {NUM_GLIMPSES}")
    drag(page, 1, 0.5, 0.5)
    assert page.text_content("#play") == "Play"
    page.wait_for_timeout(1200)  # longer than a glimpse is shown
    assert page.text_content("#glimpse-words") == f"Glimpse 1 of {NUM_GLIMPSES}"
    page.click("#play")
    sync_api.expect(words).to_have_text(f"Glimpse {NUM_GLIMPSES} of {NUM_GLIMPSES}", timeout=10_000)
    assert page.text_content("#play") == "Play"


def test_the_map_shows_what_is_behind_a_place(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    wait_for_map(page)
    assert not page.is_visible("#behind")
    page.click("#map-frame", position={"x": 100, "y": 60})
    assert page.locator("#behind-tiles li").count() == 16
    said = page.text_content("#behind-words")
    gains = [float(text.split()[0]) for text in page.locator("#behind-tiles li > span").all_text_contents()]
    assert float(said.split("by ")[1].split()[0]) == pytest.approx(sum(gains) / 16, abs=0.011)
    page.focus("#map-frame")
    page.keyboard.press("ArrowRight")
    assert page.text_content("#behind-words") != said
    page.click("#behind-close")
    assert not page.is_visible("#behind")


def test_other_drivers_and_controls(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    page.focus("#glimpse")
    page.keyboard.press("End")
    sync_api.expect(page.locator(".handle:not([hidden])")).to_have_count(NUM_GLIMPSES)

    def state() -> tuple[Any, Any]:
        places = page.eval_on_selector_all(".handle", "all => all.map(one => one.getAttribute('aria-label'))")
        return places, shown_canvas(page, "#imagined").tolist()

    learned = state()
    page.click("label[for=driver-random]")
    random = state()
    assert random[0] != learned[0]
    page.click("label[for=driver-eig]")
    sync_api.expect(page.locator(".handle:not([hidden])")).to_have_count(NUM_GLIMPSES)
    wait_for_map(page)
    assert state()[0] not in (learned[0], random[0])
    page.click("label[for=driver-learned]")
    assert state() == learned
    page.check("#control-randomised")
    assert page.is_visible("#controlled")
    assert state()[1] != learned[1]
    page.check("#control-trained")
    assert state() == learned


def test_a_vae_of_shuffled_memories_imagines_something_else(
    open_page: Any, digits_page: dict[str, Any], tmp_path: Path
) -> None:
    page = open_page(digits_page["path"])
    wait_for_map(page)
    beliefs = shown_beliefs(page)
    assert torch.equal(shown_canvas(page, "#imagined"), shown_canvas(open_page(digits_page["path"]), "#imagined"))
    page.check("#control-shuffled")
    assert page.is_visible("#controlled")
    path = tmp_path / "page.html"  # the same page, in which the VAE of shuffled memories is the VAE
    write_page(digits_page["agent"], digits_page["shuffled_vae"], digits_page["recording"], path)
    other = open_page(path)
    assert torch.equal(shown_canvas(page, "#imagined"), shown_canvas(other, "#imagined"))
    assert not torch.equal(shown_canvas(page, "#imagined"), shown_canvas(open_page(digits_page["path"]), "#imagined"))
    torch.testing.assert_close(shown_beliefs(page), beliefs)  # it is the same agent


def test_everything_is_reached_and_done_by_keys_alone(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    wait_for_map(page)

    def focused() -> str:
        code = "(document.activeElement.id || document.activeElement.className) + document.activeElement.textContent"
        return str(page.evaluate(code)).strip()

    def tab_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if focused().startswith(name):
                return
        raise AssertionError(f"the Tab key does not reach {name!r}")

    tab_to("handle")
    page.keyboard.press("ArrowRight")
    assert "you moved glimpse 1" in page.text_content("#what-if-text")
    tab_to("play")
    page.keyboard.press("Enter")
    assert page.text_content("#play") == "Stop"
    page.keyboard.press("Enter")
    tab_to("glimpse")
    page.keyboard.press("End")
    assert page.text_content("#glimpse-words") == f"Glimpse {NUM_GLIMPSES} of {NUM_GLIMPSES}"
    tab_to("driver-learned")
    page.keyboard.press("ArrowRight")
    assert page.is_checked("#driver-eig")
    page.keyboard.press("ArrowLeft")
    tab_to("what-if-reset")
    page.keyboard.press("Enter")
    assert not page.is_visible("#what-if")
    tab_to("map-frame")
    wait_for_map(page)
    page.keyboard.press("ArrowDown")
    assert page.is_visible("#behind")
    tab_to("behind-close")
    page.keyboard.press("Enter")
    assert not page.is_visible("#behind")
    tab_to("control-trained")
    page.keyboard.press("ArrowDown")
    assert page.is_visible("#controlled")
    page.keyboard.press("ArrowUp")
    tab_to("copy-link")
    page.keyboard.press("Enter")
    sync_api.expect(page.locator("#link")).not_to_be_empty()


def test_the_belief_is_read_aloud_only_when_it_changes(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    wait_for_map(page)
    page.evaluate("""() => {
        window.said = 0;
        new MutationObserver(() => { window.said += 1; })
            .observe(document.getElementById("belief-words"), { childList: true, characterData: true, subtree: true });
    }""")
    page.click("#map-frame", position={"x": 100, "y": 60})
    page.click("#map-frame", position={"x": 60, "y": 60})
    page.click("#behind-close")
    assert page.evaluate("window.said") == 0
    page.click("#next")
    assert page.evaluate("window.said") == 1


def test_it_can_be_drawn_on_with_the_keyboard_alone(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "picture-frame":
            break
    page.keyboard.press("Delete")
    page.keyboard.press("Space")
    for _ in range(8):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert "the agent believes" in page.text_content("#belief-words")
    page.keyboard.press("Tab")
    sync_api.expect(page.locator("#picture-canvas")).not_to_have_class(re.compile("under"))
    canvas = shown_canvas(page, "#picture-canvas")
    assert (canvas > 100).any(1).sum() > 20  # one upright stroke
    assert (canvas > 100).any(0).sum() < 9


def test_examples_are_one_stop_of_the_tab_key(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    stops = page.locator(".example[tabindex='0']")
    assert stops.count() == 1
    stops.focus()
    first = page.evaluate("document.activeElement.ariaLabel")
    page.keyboard.press("ArrowRight")
    second = page.evaluate("document.activeElement.ariaLabel")
    assert second != first
    page.keyboard.press("Enter")
    assert page.locator(".example[aria-pressed=true]").get_attribute("aria-label") == second
    for _ in range(2):  # glimpse 1, then what plays the glimpses; there is no previous one
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "play"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.ariaLabel") == second


def test_the_curve_ends_at_the_glimpse_that_is_shown(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    for glimpse in range(1, 4):
        assert page.locator("#curve .point.sure").count() == page.locator("#curve .point.rightly").count() == glimpse
        page.click("#next")


def test_paper_has_nothing_that_only_a_screen_can_do(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"], color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    shown = page.inner_text("body")
    assert "The agent never sees this as a whole." in shown
    assert not re.search("Drag|Click|Draw|Press|Play|Copy|Examples|Computing", shown)
    assert page.locator(".handle:visible").count() == 1
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_names_of_classes_stay_text(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    assert page.locator("#belief-bars .name").nth(0).text_content() == CLASS_NAMES[0]
    assert page.locator("#belief-bars .name").nth(1).text_content() == CLASS_NAMES[1]
    assert page.locator("#belief-bars b").count() == 0


def test_a_damaged_link_is_a_sentence(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"], "#example=99&seed=1")
    assert "this page has no such example" in page.text_content("#notice")
    assert page.is_visible("#app")
    assert shown_beliefs(page).sum() == pytest.approx(1, abs=0.01)


def test_a_damaged_link_that_is_opened_later_changes_nothing(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    page.locator(".example").nth(2).click()
    beliefs = shown_beliefs(page)
    page.evaluate("location.hash = '#example=0&seed=1&path=3_4'")
    sync_api.expect(page.locator("#notice")).to_contain_text("what you see is not what it led to")
    torch.testing.assert_close(shown_beliefs(page), beliefs)


def test_a_belief_like_a_guess_is_called_one(open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"])
    for glimpse in range(NUM_GLIMPSES):
        is_guess = bool(shown_beliefs(page).max() < 2 / len(CLASS_NAMES))
        assert ("hardly more than a guess" in page.text_content("#belief-sure")) == is_guess
        assert ("hardly more than a guess" in page.text_content("#belief-words")) == is_guess
        assert not (is_guess and "wrong" in page.text_content("#belief-verdict"))
        if glimpse < NUM_GLIMPSES - 1:
            page.click("#next")


@pytest.mark.parametrize(
    "how", ["delete globalThis.Worker", "globalThis.Worker = class { constructor() { throw 1; } }"]
)
def test_without_workers_the_map_is_computed_in_the_page(how: str, open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"], script=how)
    assert "no workers" in page.text_content("#notice")
    wait_for_map(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_screen(scheme: str, open_page: Any, digits_page: dict[str, Any]) -> None:
    page = open_page(digits_page["path"], color_scheme=scheme)
    for width in (320, 390, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("#play").is_visible()
        assert page.locator("#belief-short").is_visible() == (width <= 640)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")


def test_images_in_colour_are_shown_but_not_drawn(
    open_page: Any, make_agent: Any, make_vae: Any, record_few: Any, tmp_path: Path
) -> None:
    agent = make_agent("Glimpse-v0", {"dataset": "colours", "num_glimpses": 2})
    recording = record_few(agent)
    path = write_page(agent, make_vae(recording), recording, tmp_path / "page.html", class_names=list("abcd"))
    page = open_page(path)
    assert not page.is_visible("#clear")
    canvas = shown_canvas(page, "#picture-canvas")
    draw(page, SEVEN)
    image = choose_examples(recording)[0]
    assert torch.equal(shown_canvas(page, "#picture-canvas"), canvas)
    assert torch.equal(canvas, recording.canvases[image, 0])  # the red of it
    torch.testing.assert_close(shown_beliefs(page), recording.beliefs[image, 0], atol=1e-2, rtol=0)
    damaged = open_page(path, "#drawing=BwAA&seed=1")
    assert "cannot be drawn" in damaged.text_content("#notice")


@pytest.fixture(scope="module")
def cluttered_page(make_agent: Any, make_vae: Any, record_few: Any, tmp_path_factory: Any) -> dict[str, Any]:
    agent = make_agent("GlimpseClutteredDigits-v0", {"num_scales": 2, "num_glimpses": 3}, core="lstm")
    recording = record_few(agent, 40)
    path = tmp_path_factory.mktemp("page") / "cluttered.html"
    vae, original = make_vae(recording), make_vae(replace(recording, canvases=recording.originals))
    write_page(agent, vae, recording, path, original_vae=original, num_distractors=4)
    return {"agent": agent, "recording": recording, "original_vae": original, "path": path}


def test_a_cluttered_canvas_can_be_made_anew(open_page: Any, cluttered_page: dict[str, Any]) -> None:
    page = open_page(cluttered_page["path"])
    assert not page.is_visible("#control-shuffled-label")  # there is no such VAE
    assert page.locator("#retina canvas").count() == 2
    image = choose_examples(cluttered_page["recording"])[0]
    hidden = cluttered_page["recording"].hidden[image, 0]
    imagined = cluttered_page["original_vae"].reconstruct(hidden)[0] * 255
    assert (shown_canvas(page, "#imagined-original") - imagined).abs().max() < 5
    first = shown_canvas(page, "#picture-canvas")
    page.click("#distractors")
    second = shown_canvas(page, "#picture-canvas")
    assert not torch.equal(first, second)
    page.click("label[for=mode-move]")
    box = page.locator("#picture-frame").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 10, box["y"] + 10, steps=3)
    page.mouse.up()
    moved = shown_canvas(page, "#picture-canvas")
    assert not torch.equal(moved, second)
    grip = page.locator("#picture-overlay .corner-grip")
    grip.wait_for()
    corner = grip.bounding_box()
    page.mouse.move(corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2)
    page.mouse.down()
    page.mouse.move(corner["x"] - 0.1 * box["width"], corner["y"] - 0.1 * box["height"], steps=3)
    page.mouse.up()
    scale = float(page.input_value("#size"))
    assert 0.5 < scale < 0.9
    page.focus("#size")
    page.keyboard.press("Home")
    assert float(page.input_value("#size")) == 0.5
    smaller = shown_canvas(page, "#picture-canvas")
    assert smaller.float().sum() < 0.9 * moved.float().sum()

    link = link_of(page)
    start = cluttered_page["recording"].locations[choose_examples(cluttered_page["recording"])[int(link["example"])], 0]
    expected = python_beliefs(cluttered_page, smaller, [start.tolist()])
    page.focus("#glimpse")
    page.keyboard.press("Home")
    torch.testing.assert_close(shown_beliefs(page), expected, atol=1e-2, rtol=0)
    other = open_page(cluttered_page["path"], "#" + "&".join("=".join(part) for part in link.items()))
    assert torch.equal(shown_canvas(other, "#picture-canvas"), smaller)
