"""The site in a real browser, from the disk: nothing is fetched, the search finds, and a phone can show it."""


def test_search_works_from_the_disk(site, browser):
    page = browser.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{(site / 'search.html').as_uri()}?q=rollout")
    page.wait_for_selector("#search-results li a")
    found = [link.inner_text() for link in page.query_selector_all("#search-results li a")]
    assert "Attention rollout" in found
    assert all(request.startswith("file:") for request in requests) and not complaints


def test_a_phone_shows_pages_without_scrolling_sideways(site, browser):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    for name in ("index", "start", "tutorials/1_first_report", "methods/chefer_relevance", "verdicts", "tasks"):
        page.goto((site / f"{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
