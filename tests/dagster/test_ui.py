"""The Dagster UI in a real Chromium: a scheduled run, its tags, the counts and the table in its event log."""

from pathlib import Path

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from resources.states import JobKind

CHROMIUM, CHROMEDRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
SCREENSHOTS = Path(__file__).parents[2] / "build/screenshots"
WIDTH, HEIGHT = 1400, 900
PATIENCE_SECONDS = 60
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--window-size={WIDTH},{HEIGHT}",
)

DIALOG = "[role=dialog]"
LEDGER_BUTTON = (
    "//button[contains(., 'View full message')]"
    "[ancestor::*[contains(., 'STEP_OUTPUT')][1][contains(., 'ledger') and not(contains(., 'RUN_SUCCESS'))]]"
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.stack,
    pytest.mark.skipif(
        not (CHROMIUM.exists() and CHROMEDRIVER.exists()),
        reason=f"NO BROWSER: {CHROMIUM} or {CHROMEDRIVER} is missing; apt-get install chromium chromium-driver",
    ),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    driver = Chrome(options=options, service=Service(str(CHROMEDRIVER)))
    try:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        yield driver
    finally:
        driver.quit()


def shown(browser, selector, containing=""):
    """Waits for an element that shows the text; the selector is CSS, or XPath when it begins with //."""
    by = By.XPATH if selector.startswith("//") else By.CSS_SELECTOR

    def look(_):
        found = browser.find_elements(by, selector)
        return next((one for one in found if one.is_displayed() and containing in one.text), None)

    wait = WebDriverWait(
        browser, PATIENCE_SECONDS, poll_frequency=0.1, ignored_exceptions=[StaleElementReferenceException]
    )
    return wait.until(look, f"{selector} that shows {containing!r}")


def gone(browser, selector):
    """Waits until no such element is left."""
    WebDriverWait(browser, PATIENCE_SECONDS, poll_frequency=0.1).until_not(
        lambda _: browser.find_elements(By.CSS_SELECTOR, selector), f"{selector} is gone"
    )


def keep(browser, name):
    assert browser.save_screenshot(SCREENSHOTS / name)


def test_a_scheduled_run_is_found_with_its_tags_and_its_ledger_row(stack, scheduled_runs, browser):
    run = scheduled_runs[JobKind.POLICY]
    browser.get(f"{stack.url}/runs")
    link = shown(browser, f"a[href='/runs/{run.dagster_run_id}']")
    row = browser.execute_script("return arguments[0].closest('[data-index], tr').innerText", link)
    assert {"policy_job", "fire_due", "Success", f"scheduler/tenant: {run.tenant_id}"} <= set(row.split("\n"))
    keep(browser, "runs.png")

    link.click()
    shown(browser, "button", "View tags and config").click()
    tags = shown(browser, DIALOG, f"scheduler/run: {run.id}")
    for tag in (
        f"tenant: {run.tenant_id}",
        "schedule: policy now",
        "trigger: once",
        f"launch: {run.launch_id}",
    ):
        assert f"scheduler/{tag}" in tags.text
    assert f"launch_id: '{run.launch_id}'" in tags.text
    keep(browser, "run-tags.png")
    shown(browser, f"{DIALOG} button", "OK").click()
    gone(browser, DIALOG)

    shown(browser, LEDGER_BUTTON).click()
    message = shown(browser, DIALOG, "ledger").text.split()
    assert {"tenant", run.tenant_id, "findings", "42", "block", "severities"} <= set(message)
    keep(browser, "run-metadata.png")


def test_the_picture_of_the_vulnerable_components_is_seen(stack, scheduled_runs, browser):
    browser.get(f"{stack.url}/runs/{scheduled_runs[JobKind.GRAPH].dagster_run_id}")
    shown(browser, LEDGER_BUTTON).click()
    shown(browser, f"{DIALOG} a", "[Show Markdown]").click()
    picture = shown(browser, f"{DIALOG} img[alt='vulnerable components']")
    assert picture.get_attribute("src").startswith("data:image/svg+xml;base64,")
    assert (
        browser.execute_script("return arguments[0].decode().then(() => arguments[0].naturalWidth)", picture)
        > 600
    )
    assert picture.size["width"] > 600
    keep(browser, "run-picture.png")
