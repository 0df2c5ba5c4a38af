"""The site: it builds without a warning, runs all of its code, leads nowhere that isn't there, and fetches nothing."""

import ast
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import analyses
import interpret
from analyses.explanations.built_in import BUILT_IN
from analyses.results.result import PlottedResult, Result
from analyses.verdicts.thresholds import BARS
from interpret.cli import main
from interpret.subjects.nouns import WORDS

FETCHED = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src", "object": "data"}
NEVER_FETCHED = {"canonical", "index", "search", "next", "prev", "author"}


class Page(HTMLParser):
    """What a page refers to, what of it a browser fetches by itself, and the anchors it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors.add(given.get("id", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        address = given.get(FETCHED.get(tag, ""))
        if address and given.get("rel") not in NEVER_FETCHED:
            self.fetched.append(address)


def pages(site: Path) -> dict[Path, Page]:
    made = [path for path in site.rglob("*.html") if "reports" not in path.parts and "_static" not in path.parts]
    assert len(made) > 45
    return {path: Page(path) for path in made}


def test_every_link_leads_to_something(site):
    found = pages(site)
    for path, page in found.items():
        for link in [*page.links, *page.fetched]:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "mailto", "data") or not (parts.path or parts.fragment):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), f"{path.name} leads to {link}"
            if parts.fragment and target in found:
                assert unquote(parts.fragment) in found[target].anchors, f"{path.name} leads to {link}"


def test_nothing_comes_from_elsewhere(site):
    for path, page in pages(site).items():
        away = [address for address in page.fetched if urlsplit(address).scheme not in ("", "data")]
        assert not away, f"{path.name} fetches {away}"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?https?:|@import ['\"]?https?:", style.read_text("utf-8")), style


def test_every_public_name_is_in_the_reference(site):
    anchors = set().union(*(page.anchors for path, page in pages(site).items() if path.parent.name == "reference"))
    for package in (interpret, analyses):
        public = {getattr(package, name).__name__ for name in package.__all__ if name != "__version__"}
        names = {f"{package.__name__}.{name}" for name in public}
        assert names <= anchors, names - anchors


def test_classes_of_results_link_to_what_they_inherit(site):
    text = "".join(path.read_text("utf-8") for path in (site / "reference").glob("*.html"))
    for name in analyses.__all__:
        kind = getattr(analyses, name)
        if isinstance(kind, type) and issubclass(kind, Result) and kind not in (Result, PlottedResult):
            told = text.partition(f'id="analyses.{name}">')[2].partition("And everything of")[2].partition("</p>")[0]
            linked = set(re.findall(r'href="[^"]*#analyses\.(\w+\.\w+)"', told))
            assert {"Result.to_frame", "Result.save"} <= linked, name
            assert ("PlottedResult.plot" in linked) == issubclass(kind, PlottedResult), name


def test_the_reference_names_no_module_that_nobody_imports(site):
    for path in (site / "reference").glob("*.html"):
        shown = re.sub(r"<[^>]+>", "", path.read_text("utf-8"))
        assert not re.findall(r"\b(?:interpret|analyses|reports)\.[a-z_]+\.[a-z_]+", shown), path.name


def test_sidebars_have_the_name_of_their_section(site):
    for section, page in (("Methods", "methods/saliency"), ("Tutorials", "tutorials/1_first_report")):
        text = (site / f"{page}.html").read_text("utf-8")
        assert re.findall(r'class="bd-links__title"[^>]*>([^<]+)<', text) == [section]


def test_recipes_take_three_lines():
    page = (Path(__file__).parents[1] / "docs" / "recipes.md").read_text("utf-8")
    cells = re.findall(r"^```\{code-cell\}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    recipes = [cell for cell in cells if "import " not in cell]  # cells that import are what recipes start from
    assert len(recipes) > 15 and max(len(cell.splitlines()) for cell in recipes) <= 3


def test_every_command_and_every_method_has_its_page(site):
    commands = Page(site / "reference" / "commands.html").anchors
    assert {f"interpret-{name}" for name in main.commands} <= commands
    for method in BUILT_IN:
        name = re.sub(r"\W+", "_", method.name.lower())
        page = site / "methods" / f"{name}.html"
        text = page.read_text("utf-8").replace("’", "'")
        wanted = (WORDS.say(method.about), "<math", "cell-output", "When it misleads")
        assert not [part for part in wanted if part not in text], page


def test_numbers_of_the_calibration_are_those_of_its_table(site):
    table = json.loads((Path(analyses.__file__).parent / "verdicts" / "table.json").read_text("utf-8"))
    text = (site / "verdicts.html").read_text("utf-8")
    for cell in table["overall"]:
        assert f"<td>{cell['error']['wrong']:,} of {cell['error']['models']:,}</td>" in text
    for name, bars in BARS.items():
        assert f"<td>{name}</td><td>{bars.floor:.2f}</td><td>{bars.bar:.2f}</td>" in text


def test_tutorials_are_notebooks_without_outputs(site):
    made = sorted((site / "tutorials").glob("*.ipynb"))
    assert len(made) == 5
    for path in made:
        written = path.read_text("utf-8")
        assert not re.search(r"```\{\w|\.md[)#]", written), f"{path.name} has what only the site knows"
        cells = json.loads(written)["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        assert len(code) >= 5 and all(cell["outputs"] == [] for cell in code)
        assert cells[0]["source"].startswith("# ") and all(ast.parse(cell["source"]).body for cell in code)
        page = (site / "tutorials" / f"{path.stem}.html").read_text("utf-8")
        assert f'href="{path.name}"' in page


def test_language_models_get_an_index_and_the_whole_text(site):
    index, whole = ((site / name).read_text("utf-8") for name in ("llms.txt", "llms-full.txt"))
    listed = re.findall(r"^- \[.+\]\((.+)\): ", index, re.MULTILINE)
    assert index.startswith("# interpret\n\n> ") and len(listed) > 45
    assert all((site / page).is_file() for page in listed)
    assert "attention_rollout" in whole and len(whole) > 100_000
