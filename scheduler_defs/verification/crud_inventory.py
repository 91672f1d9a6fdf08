"""Images, advisories, policies, findings, exploits, and the audit with its seals: written, read, replaced."""

from datetime import date

from resources.audit_chain import check_links, seals_of
from resources.ids import new_id
from resources.inventory_records import ExploitDocument, LeftOut, ListedRow, ScoreRow
from resources.protocols.audit import AuditFilter
from resources.scratch import ACTOR
from resources.selection import Selection
from resources.states import JobKind, RunState
from scheduler_defs.verification.check import Bench, Failed, expect, expect_equal
from scheduler_defs.verification.world import ADVISORY, vex_row

PACKAGES = ["pkg:pypi/scheduler-verify-a", "pkg:pypi/scheduler-verify-b", "pkg:pypi/scheduler-verify-c"]
NO_CVE = "CVE-0000-0000"


def check_images(bench: Bench) -> str:
    """An image has one SBOM and its components; other labels are an edit of the same image."""
    with bench.world() as world:
        image = world.image()
        expect_equal("the image when ingested twice", world.image().id, image.id)
        with world.begin() as store:
            if image.sbom_id is None:
                raise Failed("the image holds no SBOM")
            _, digest = store.images.get_sbom(world.tenant, image.sbom_id)
            expect_equal("the SBOM found by its digest", store.images.find_sbom(image, digest), image.sbom_id)
            edited = store.images.upsert(
                tenant_id=world.tenant,
                registry=image.registry,
                repository=image.repository,
                digest=image.digest,
                tag=image.tag,
                namespace="verify",
                labels={"tier": "test"},
                now=world.now,
            )
            expect_equal("the image edited", edited.id, image.id)
            chosen = store.images.select(world.tenant, Selection(labels={"tier": "test"}))
            expect_equal("images with the label", [one.id for one in chosen], [image.id])
            listed = store.images.list(world.tenant, Selection(labels={"tier": "test"})).items
            expect_equal("images listed", [one.id for one in listed], [image.id])
            store.images.unset_sbom(image, world.now)
            store.images.clear_components(image)
            expect_equal("images after a removal", store.images.select(world.tenant, Selection()), [])
    return "ingested, read, edited, selected, listed, removed"


def check_advisories(bench: Bench) -> str:
    """A feed revision holds its advisories; what is written again replaces them."""
    with bench.world() as world:
        revision = world.advisory()
        with world.begin_system() as store:
            expect(store.advisories.latest_revision() >= revision, "the new revision is not the latest")
            store.advisories.count_revision(revision, added=1, changed=0, unchanged=0)
            expect_equal("what is known", store.advisories.of_names([ADVISORY, "-"]), {ADVISORY: {ADVISORY}})
            first = store.advisories.get_many([ADVISORY])[ADVISORY]
            expect_equal("its digest", store.advisories.digests([ADVISORY]), {ADVISORY: first.digest})
        expect(world.advisory() > revision, "a later revision has no greater number")
        with world.begin() as store:
            read = store.advisories.of_names([ADVISORY])
            expect_equal("what a tenant reads", read, {ADVISORY: {ADVISORY}})
    return "written, read by the system and a tenant, written again"


def check_imports(bench: Bench) -> str:
    """An import is staged, published as a feed revision and ended; what it left out is listed."""
    with bench.world() as world, world.begin_system() as store:
        current = store.imports.begin(new_id(), f"verify {world.tenant}", "0" * 64, ACTOR, world.now)
        held = store.imports.hold_unfinished(current.source, current.fingerprint)
        expect_equal("the import that is held", held, current)
        current = store.imports.advance(current, world.now, read=2, left_out=1)
        store.imports.stage(current.id, world.advisories())
        store.imports.quarantine(current.id, [LeftOut(2, "feed.jsonl", 2, "/id", "is no text")], world.now)
        expect_equal(
            "advisories added, changed and older", store.imports.count_changes(current.id), (1, 0, 0)
        )
        revision = store.advisories.begin_revision("verify", ACTOR, world.now)
        store.imports.publish(current.id, revision)
        expect_equal("what is known", store.advisories.of_names([ADVISORY]), {ADVISORY: {ADVISORY}})
        expect_equal("what still differs", store.imports.count_changes(current.id), (0, 0, 0))
        store.imports.finish(current, revision, world.now)
        left_out = store.imports.list_quarantine(import_id=current.id).items
        expect_equal("records left out", [one.record for one in left_out], [2])
    return "staged, held, published, ended, left out listed"


def check_tenant_quarantine(bench: Bench) -> str:
    """What an import of a tenant left out stays until the next of its source, and none of a refused one does."""
    left_out = LeftOut(1, "sboms/a.json", None, "", "is not JSON")
    with bench.world() as world, world.begin() as store:
        first, second, refused = new_id(), new_id(), new_id()
        of = {"kind": "sbom", "source": "sboms"}
        for import_id in (first, second, refused):
            store.tenant_quarantine.add(world.tenant, import_id, **of, batch=[left_out], now=world.now)
        store.tenant_quarantine.refuse(world.tenant, refused)
        store.tenant_quarantine.forget_earlier(world.tenant, second, **of)
        kept = store.tenant_quarantine.list(world.tenant).items
        expect_equal("records left out", [(one.import_id, one.record) for one in kept], [(second, 1)])
    return "kept, replaced, refused, listed"


def check_policies(bench: Bench) -> str:
    """A policy gets a revision with each other document, and none with the same."""
    with bench.world() as world, world.begin() as store:
        first = store.policies.list(world.tenant)
        expect_equal("policies of a new tenant", len(first), 1)
        default = first[0]
        same = (world.tenant, default.name, default.document, default.digest, ACTOR, world.now)
        current, before = store.policies.apply(*same)
        expect(current == before == default, "an equal document made a revision")
        second, _ = store.policies.apply(
            world.tenant, default.name, f"{default.document}# edited\n", "1" * 64, ACTOR, world.now
        )
        expect_equal("its revision", second.revision, default.revision + 1)
        expect_equal("the policies read", store.policies.list(world.tenant), [second])
        earlier = store.policies.get_revision(world.tenant, default.name, default.revision)
        expect_equal("the revision before", earlier, default)
        removed = store.policies.remove(world.tenant, default.name, world.now)
        expect_equal("the policy removed", (removed, store.policies.list(world.tenant)), (second, []))
    return "applied, read, applied again, removed"


def check_findings(bench: Bench) -> str:
    """A policy run leaves its findings open; a later run that does not see them closes them."""
    with bench.world() as world:
        image = world.image()
        world.advisory()
        run = world.carry_out(JobKind.POLICY)
        expect_equal("the policy run", run.state, RunState.COMPLETED)
        with world.begin() as store:
            found = store.findings.list_open(world.tenant)
            expect_equal(
                "open findings", [(one.advisory_id, one.verdict) for one in found], [(ADVISORY, "block")]
            )
            expect_equal(
                "the count",
                [one.count for one in store.findings.count_open_of(world.tenant, [image.id])],
                [1],
            )
        later = world.run(RunState.RUNNING, JobKind.POLICY)
        with world.begin() as store:
            (seen,) = store.findings.list_open_of(world.tenant, [image.id])
            store.findings.close(later, {image.id: [seen.key]}, world.now)
            expect_equal("findings left open", store.findings.list_open_of(world.tenant, [image.id]), [])
    return "written by a run, read, counted, closed"


def check_vex(bench: Bench) -> str:
    """A VEX statement is kept once, however often it is ingested; none is lost by a later one."""
    with bench.world() as world, world.begin() as store:
        first, second = vex_row(), vex_row(status="fixed", justification=None, digest="1" * 64)
        expect_equal("new statements", store.vex.add(world.tenant, [first], "verify", ACTOR, world.now), 1)
        both = [first, second]
        expect_equal("new ones of both", store.vex.add(world.tenant, both, "verify", ACTOR, world.now), 1)
        kept = sorted(store.vex.list_all(world.tenant), key=lambda one: one.digest)
        expect_equal("the statements read", kept, both)
        expect_equal("their count", store.vex.count(world.tenant), 2)
        shown = store.vex.list(world.tenant, vulnerability="cve-2000-1").items
        expect_equal("those found by an alias", {one.status for one in shown}, {"not_affected", "fixed"})
    return "written, written again, read, counted, found by an alias"


def check_exploits(bench: Bench) -> str:
    """What EPSS and KEV say is read by tenants, and goes with the next document; scores are only added to."""
    score, listing = ScoreRow(NO_CVE, 0.5, 0.75), ListedRow(NO_CVE, date(2000, 1, 1), True)
    with bench.world() as world:
        document = ExploitDocument("kev", world.now, "verify", 1, "0" * 64, "verify")
        with world.begin_system() as store:
            store.exploits.lock()
            before = store.exploits.latest_revision()
            revision = store.exploits.replace(document, ACTOR, world.now)
            expect_equal("the document that holds", store.exploits.latest("kev"), document)
            store.exploits.add_listed([listing])
            store.exploits.add_scores([score])
        with world.begin() as store:
            expect(
                store.exploits.latest_revision() == revision > before, "the new revision is not the latest"
            )
            expect_equal("scores a tenant reads", store.exploits.scores([NO_CVE]), [score])
            expect_equal("listings a tenant reads", store.exploits.listed([NO_CVE]), [listing])
        with world.begin_system() as store:
            store.exploits.replace(document, ACTOR, world.now)
            expect_equal("what is left listed", store.exploits.listed([NO_CVE]), [])
    return "written, read by a tenant, replaced"


def check_audit(bench: Bench) -> str:
    """An edit is recorded with what it changed, and found by whoever looks for it."""
    with bench.world() as world:
        with world.begin() as store:
            store.audit.append(
                tenant_id=world.tenant,
                actor=ACTOR,
                action="edit",
                entity="schedule",
                entity_id="nightly",
                old={"priority": 0},
                new={"priority": 5},
                now=world.now,
            )
            found = store.audit.list(world.tenant, AuditFilter(entity="schedule")).items
            expect_equal("entries found", len(found), 1)
            entry = found[0]
            expect_equal("what it says", (entry.old, entry.new), ({"priority": 0}, {"priority": 5}))
            expect_equal("the entry read", store.audit.get(world.tenant, entry.id), entry)
    return "appended, listed, read"


def check_audit_seals(bench: Bench) -> str:
    """Entries are queued, sealed in a chain, and the chain holds."""
    with bench.world() as world, world.begin_system() as store:
        chain = world.tenant
        expect(store.audit_seals.count_unsealed(chain) > 0, "entries were not queued for sealing")
        expect(store.audit_seals.try_lock(chain), "the chain of a new tenant is held by somebody")
        entries = store.audit_seals.take_unsealed(chain, 100)
        store.audit_seals.append_many([*seals_of(chain, store.audit_seals.head(chain), entries, world.now)])
        links = store.audit_seals.list_links(chain, 0, 100)
        expect_equal("links", len(links), len(entries))
        fault = check_links(chain, iter(links), []).fault
        expect(fault is None, f"the chain is broken: {fault}")
        stray = store.audit_seals.find_stray(chain)
        expect(stray is None, f"entry {stray} is not covered")
    return f"{len(links)} entries sealed and checked"
